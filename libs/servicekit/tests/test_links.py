"""Links open the one file that they were made for, for a while."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from servicekit.errors import Forbidden
from servicekit.links import FileLinks
from servicekit.testing.clock import MovableClock

PATH = "/api/files/1/"


def parts(url: str) -> tuple[int, str]:
    found = parse_qs(urlsplit(url).query)
    return int(found["expires"][0]), found["signature"][0]


def test_a_link_opens_its_file_for_an_hour_and_no_other() -> None:
    clock = MovableClock()
    links = FileLinks(Ed25519PrivateKey.generate(), clock, public_url="http://localhost/")
    url = links.link(PATH, "a")
    assert url.startswith("http://localhost/api/files/1/?expires=")
    expires, signature = parts(url)
    clock.advance(timedelta(minutes=59))
    links.check(PATH, "a", expires, signature)
    for path, key, until, proof in (
        ("/api/files/2/", "a", expires, signature),
        (PATH, "b", expires, signature),
        (PATH, None, expires, signature),
        (PATH, "a", expires + 1, signature),
        (PATH, "a", expires, "A" + signature[1:] if signature[0] != "A" else "B" + signature[1:]),
        (PATH, "a", expires, "no base64, é"),
    ):
        with pytest.raises(Forbidden):
            links.check(path, key, until, proof)
    clock.advance(timedelta(hours=1))
    with pytest.raises(Forbidden):
        links.check(PATH, "a", expires, signature)


def test_another_key_makes_other_links() -> None:
    clock = MovableClock()
    one, other = (FileLinks(Ed25519PrivateKey.generate(), clock, public_url="") for _ in range(2))
    expires, signature = parts(one.link(PATH, "a"))
    with pytest.raises(Forbidden):
        other.check(PATH, "a", expires, signature)
