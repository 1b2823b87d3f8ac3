"""`python -m services.identity`"""

from servicekit import start

start.service("services.identity")
