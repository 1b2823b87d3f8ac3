"""`python -m gateway`: serves the gateway until it is told to stop."""

from servicekit import start

start.load("gateway.server").main()
