"""`python -m tools.stripe_server --port 0 --webhook-url URL`, with the secrets in STRIPE_SECRET_KEY and its like."""

import argparse
import os

import uvicorn

from tools.stripe_server.server import StripeServer

LOOPBACK = "127.0.0.1"


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    options = argparse.ArgumentParser(description="A local Stripe for development and tests.")
    options.add_argument("--host", default=LOOPBACK, help="where it listens (default: %(default)s)")
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--webhook-url", required=True)
    options.add_argument("--payment-webhook-url", default="")
    chosen = options.parse_args()
    server = StripeServer(
        os.environ["STRIPE_SECRET_KEY"],
        os.environ["STRIPE_WEBHOOK_SECRET"],
        webhook_url=chosen.webhook_url,
        payment_secret=os.environ.get("POS_STRIPE_WEBHOOK_SECRET", ""),
        payment_url=chosen.payment_webhook_url,
    )
    uvicorn.run(
        server.application, host=chosen.host, port=chosen.port, log_level="warning", timeout_graceful_shutdown=1
    )


if __name__ == "__main__":
    main()
