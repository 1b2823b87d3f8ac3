"""`python -m tools.phone_server --port 0 --webhook-url URL`, with the secrets in WHATSAPP_ACCESS_TOKEN and its like."""

import argparse
import os

import uvicorn

from tools.phone_server.agent import Agent
from tools.phone_server.firebase import Firebase
from tools.phone_server.server import PhoneServer
from tools.phone_server.whatsapp import WhatsApp

LOOPBACK = "127.0.0.1"


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    options = argparse.ArgumentParser(description="Local phones, for development and tests.")
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--webhook-url", required=True)
    chosen = options.parse_args()
    server = PhoneServer(
        WhatsApp(
            token=os.environ["WHATSAPP_ACCESS_TOKEN"],
            number_id=os.environ["WHATSAPP_PHONE_NUMBER_ID"],
            app_secret=os.environ["WHATSAPP_APP_SECRET"],
        ),
        Firebase(os.environ["FIREBASE_SERVICE_ACCOUNT_KEY"]),
        Agent(
            api_key=os.environ["LUA_API_KEY"],
            webhook_key=os.environ["LUA_WEBHOOK_API_KEY"],
            secret=os.environ["NOTIFY_AGENT_WEBHOOK_SECRET"],
        ),
        webhook_url=chosen.webhook_url,
    )
    uvicorn.run(server.application, host=LOOPBACK, port=chosen.port, log_level="warning", timeout_graceful_shutdown=1)


if __name__ == "__main__":
    main()
