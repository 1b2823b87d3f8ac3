"""`python -m services.scheduling`"""

from servicekit import start

start.service("services.scheduling")
