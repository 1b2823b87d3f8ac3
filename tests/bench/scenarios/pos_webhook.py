"""A till system's event: its signature checked on the raw body, kept, acknowledged."""

import base64
import hashlib
import hmac
import json

import psycopg

from tests.bench.population import Population
from tests.bench.scenario import Scenario, Target
from tools.installation import Site

EVENTS = 4000
PATH = "/api/pos/webhooks/toast/"
_secret = b""


def _prepare(site: Site, _population: Population) -> None:
    global _secret
    _secret = site.environment["TOAST_WEBHOOK_SECRET"].encode()


def _reset(site: Site, _population: Population) -> None:
    with psycopg.connect(site.database_url("pos")) as connection:
        connection.execute("TRUNCATE provider_events")


def _requests(_population: Population) -> list[str]:
    return [_request(number) for number in range(EVENTS)]


def _request(number: int) -> str:
    stamp = "2026-11-22T10:00:00.000+0000"
    event = {
        "timestamp": stamp,
        "eventCategory": "order_updated",
        "eventType": "order_updated",
        "guid": f"bench-{number}",
        "details": {"restaurantGuid": "bench", "order": {"guid": f"order-{number}"}},
    }
    body = json.dumps(event)
    signature = base64.b64encode(hmac.digest(_secret, (body + stamp).encode(), hashlib.sha256)).decode()
    head = [
        f"POST {PATH} HTTP/1.1",
        "host: 127.0.0.1",
        "content-type: application/json",
        f"content-length: {len(body)}",
        f"toast-signature: {signature}",
        "user-agent: mizan-bench",
    ]
    return "\r\n".join([*head, "", body])


SCENARIO = Scenario(
    name="POST /api/pos/webhooks/toast/",
    requests=_requests,
    is_right=lambda body: json.loads(body) == {"status": "received"},
    service="pos",
    prepare=_prepare,
    reset=_reset,
    target=Target(cpu_ms=3.0),
)
