"""`python -m services.pos`"""

from servicekit import start

start.service("services.pos")
