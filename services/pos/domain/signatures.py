"""Whether a webhook is from whom it says: the raw body, in constant time; without a secret nothing is right."""

import base64
import hashlib
import hmac

import orjson


def square_is_right(signature: str, key: str, url: str, body: bytes) -> bool:
    """Square signs the notification URL with the body behind it."""
    return bool(key and url) and _same(signature, _signed(key, url.encode() + body))


def toast_is_right(signature: str, secret: str, body: bytes) -> bool:
    """Toast signs the body with the text of its `timestamp` behind it."""
    if not secret:
        return False
    try:
        timestamp = orjson.loads(body)["timestamp"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return False
    return _same(signature, _signed(secret, body + str(timestamp).encode()))


def clover_is_right(sent: str, code: str) -> bool:
    """Clover sends the code that it gave the application."""
    return bool(code) and _same(sent, code)


def _signed(key: str, message: bytes) -> str:
    return base64.b64encode(hmac.digest(key.encode(), message, hashlib.sha256)).decode()


def _same(sent: str, right: str) -> bool:
    return hmac.compare_digest(sent.encode(), right.encode())
