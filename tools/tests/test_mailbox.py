"""The mailbox, spoken to as a mail program and a browser do."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx
import pytest

from tools.mailbox import Addresses, Mailbox, find_links, serve

ROOT = Path(__file__).resolve().parents[2]


def mail(to: str, subject: str, text: str, html: str | None = None) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "mizan@example.com", to, subject
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    return message


async def send(addresses: Addresses, message: EmailMessage) -> None:
    await aiosmtplib.send(message, hostname="127.0.0.1", port=int(addresses.smtp_url.rsplit(":", 1)[1]), timeout=5)


@pytest.fixture
async def addresses() -> AsyncIterator[Addresses]:
    async with serve(Mailbox(kept=3)) as served:
        yield served


@pytest.fixture
async def web(addresses: Addresses) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=addresses.web_url, timeout=10) as client:
        yield client


async def test_a_mail_is_shown_whole(addresses: Addresses, web: httpx.AsyncClient) -> None:
    link = "http://127.0.0.1:8000/verify?token=a&b=c"
    message = mail(
        "sara@example.com", "Bienvenue à bord", f"Open {link}.", '<a href="http://x.test/?a=1&amp;b=2">x</a>'
    )
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="contract.pdf")
    await send(addresses, message)
    (shown,) = (await web.get("/messages")).json()
    assert shown["to"] == ["sara@example.com"]
    assert shown["sender"] == "mizan@example.com"
    assert shown["subject"] == "Bienvenue à bord"
    assert shown["text"].strip() == f"Open {link}."
    assert "a=1&amp;b=2" in shown["html"]
    assert shown["links"] == [link, "http://x.test/?a=1&b=2"]
    assert shown["attachments"] == ["contract.pdf"]


async def test_newest_first_and_the_oldest_go(addresses: Addresses, web: httpx.AsyncClient) -> None:
    for number in range(5):
        await send(addresses, mail("a@example.com", f"number {number}", "x"))
    assert [one["subject"] for one in (await web.get("/messages")).json()] == ["number 4", "number 3", "number 2"]


async def test_one_recipient(addresses: Addresses, web: httpx.AsyncClient) -> None:
    await send(addresses, mail("Sara@Example.com", "for Sara", "x"))
    await send(addresses, mail("omar@example.com", "for Omar", "x"))
    assert [one["subject"] for one in (await web.get("/messages?to=sara@example.com")).json()] == ["for Sara"]


async def test_waiting_ends_with_the_arrival(addresses: Addresses, web: httpx.AsyncClient) -> None:
    waiting = asyncio.create_task(web.get("/messages?to=late@example.com&wait=8"))
    await send(addresses, mail("early@example.com", "not this", "x"))
    await send(addresses, mail("late@example.com", "this", "x"))
    assert [one["subject"] for one in (await waiting).json()] == ["this"]
    assert (await web.get("/messages?to=never@example.com&wait=0.05")).json() == []
    assert (await web.get("/messages?wait=long")).status_code == 400


async def test_emptying(addresses: Addresses, web: httpx.AsyncClient) -> None:
    await send(addresses, mail("a@example.com", "gone", "x"))
    assert (await web.delete("/messages")).status_code == 204
    assert (await web.get("/messages")).json() == []


async def test_the_page_shows_and_disarms(addresses: Addresses, web: httpx.AsyncClient) -> None:
    assert "No mail yet" in (await web.get("/")).text
    await send(addresses, mail("a@example.com", "<script>alert(1)</script>", "x", '<b onclick="x()">bold</b>'))
    page = (await web.get("/")).text
    assert "<script>" not in page
    assert 'iframe sandbox srcdoc="&lt;b onclick=' in page


@pytest.mark.parametrize(
    ("text", "html", "links"),
    [
        ("see (http://a.test/x).", "", ["http://a.test/x"]),
        ("http://a.test twice http://a.test", '<a href="http://a.test">', ["http://a.test"]),
        ("nothing", "<p>nothing</p>", []),
    ],
)
def test_links(text: str, html: str, links: list[str]) -> None:
    assert find_links(text, html) == links


def test_the_process_says_where_it_listens_and_ends_when_asked() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tools.mailbox"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("mailbox: mail to smtp://127.0.0.1:")
        assert httpx.get(line.split()[-1] + "/messages", timeout=5).json() == []
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
