"""People are sent back to the platform's own sites, however an address is dressed up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.return_address import is_allowed, origin_of

SITES = ["https://app.example.com", "http://127.0.0.1:8081/"]


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example.com",
        "https://app.example.com/",
        "https://app.example.com:443/billing?session={CHECKOUT_SESSION_ID}#done",
        "https://APP.example.com/billing",
        "http://127.0.0.1:8081/settings?tab=billing",
    ],
)
def test_own_pages(url: str) -> None:
    assert is_allowed(url, SITES)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/billing",
        "//app.example.com/",
        "http://app.example.com/",
        "https://app.example.com:8443/",
        "https://app.example.com.evil.com/",
        "https://evil.com/https://app.example.com/",
        "https://app.example.com@evil.com/",
        "https://user:pass@app.example.com/",
        "https://evil.com\\@app.example.com/",
        "https:\\\\app.example.com/",
        "https://app.example.com\n.evil.com/",
        " https://app.example.com/",
        "javascript:alert(1)//https://app.example.com",
        "data:text/html,hello",
        "https://app.example.com:99999/",
        "https://аpp.example.com/",
        "https://app.example.com/" + "a" * 2000,
    ],
)
def test_everything_else(url: str) -> None:
    assert not is_allowed(url, SITES)


@given(st.text(max_size=60))
def test_no_text_is_taken_by_accident(text: str) -> None:
    assert not is_allowed(text, ["https://app.example.com"]) or origin_of(text) == ("https", "app.example.com", 443)
    assert not is_allowed(text, [])
