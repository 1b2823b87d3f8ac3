"""`python -m services.notify`"""

from servicekit import start

start.service("services.notify")
