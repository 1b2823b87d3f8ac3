"""`python -m services.timeclock`"""

from servicekit import start

start.service("services.timeclock")
