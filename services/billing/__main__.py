"""`python -m services.billing`"""

from servicekit import start

start.service("services.billing")
