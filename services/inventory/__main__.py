"""`python -m services.inventory`"""

from servicekit import start

start.service("services.inventory")
