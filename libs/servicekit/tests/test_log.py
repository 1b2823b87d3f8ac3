"""What a log line holds, and what it must not."""

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog

from servicekit import context
from servicekit import log as logs

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Logging set up as in production, and a function that reads what was written so far."""
    stream = io.StringIO()
    with restored():
        logs.configure("sample", level="INFO", pretty=False, stream=stream)
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


@contextmanager
def restored() -> Iterator[None]:
    """Afterwards the process logs as it did before."""
    root = logging.getLogger()
    handlers, level, configured = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configured)


def test_a_line_says_where_it_comes_from(lines: Lines) -> None:
    token = context.current.set(context.RequestContext(request_id="r-1", trace_parent=f"00-{'a' * 32}-{'b' * 16}-01"))
    structlog.get_logger("x").info("order_placed", table=4)
    context.current.reset(token)
    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "order_placed",
        "level": "info",
        "service": "sample",
        "request_id": "r-1",
        "trace_id": "a" * 32,
        "table": 4,
    }


def test_libraries_log_the_same_way(lines: Lines) -> None:
    logging.getLogger("some.library").warning("slow %s", "answer")
    (line,) = lines()
    assert (line["event"], line["level"], line["logger"], line["service"]) == (
        "slow answer",
        "warning",
        "some.library",
        "sample",
    )


def test_what_is_below_the_level_is_not_written(lines: Lines) -> None:
    structlog.get_logger("x").debug("quiet")
    logging.getLogger("some.library").debug("quiet")
    logging.getLogger("httpx").info("GET ...")
    assert lines() == []


def test_the_arguments_of_jobs_are_not_written(lines: Lines) -> None:
    logging.getLogger("procrastinate.worker.sample").error("Job mail.send[1](token='t') ended with status: Error")
    assert lines() == []


def test_an_exception_is_text_without_local_variables(lines: Lines) -> None:
    def fails() -> None:
        hidden = "swordfish"
        raise ValueError(len(hidden))

    try:
        fails()
    except ValueError:
        structlog.get_logger("x").exception("went_wrong")
    (line,) = lines()
    assert "ValueError: 9" in line["exception"]
    assert "swordfish" not in json.dumps(line)


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "new_password",
        "Authorization",
        "x-device-token",
        "refreshToken",
        "pin",
        "pin_code",
        "api_key",
        "apiKey",
        "API-KEY",
        "client_secret",
        "Set-Cookie",
        "tokens",
        "otp",
    ],
)
def test_secret_names(name: str) -> None:
    assert logs.is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["shipping", "opinion", "spinner", "key", "apikind", "tokenizer_kind", "pinned", "user"]
)
def test_ordinary_names(name: str) -> None:
    assert not logs.is_secret_name(name)


def test_secrets_are_redacted_at_any_depth(lines: Lines) -> None:
    structlog.get_logger("x").info(
        "login",
        pin="1234",
        body={"user": {"password": "hunter2", "name": "Ada"}, "keys": [{"api_key": "k-1"}]},
        metadata=[("authorization", "Bearer abcdefghij"), ("user-agent", "curl")],
    )
    (line,) = lines()
    assert line["pin"] == logs.REDACTED
    assert line["body"] == {
        "user": {"password": logs.REDACTED, "name": "Ada"},
        "keys": [{"api_key": logs.REDACTED}],
    }
    assert line["metadata"] == [["authorization", logs.REDACTED], ["user-agent", "curl"]]


def test_credentials_inside_texts_are_redacted(lines: Lines) -> None:
    structlog.get_logger("x").info(
        "sent", header="Authorization: Bearer eyJhbGciOi.J9.x", url="redis://me:hunter2@cache/0"
    )
    (line,) = lines()
    assert line["header"] == "Authorization: Bearer [redacted]"
    assert line["url"] == "redis://me:[redacted]@cache/0"


def test_values_that_json_does_not_know_are_written_as_text(lines: Lines) -> None:
    structlog.get_logger("x").info("odd", value=object, number=10**30)
    (line,) = lines()
    assert (line["value"], line["number"]) == ("<class 'object'>", 10**30)


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="LOUD"):
        logs.configure("sample", level="LOUD")


def test_a_terminal_gets_readable_lines() -> None:
    stream = io.StringIO()
    with restored():
        logs.configure("sample", pretty=True, stream=stream)
        structlog.get_logger("x").info("hello", password="hunter2")
    assert "hello" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()
    assert not stream.getvalue().startswith("{")
    assert sys.stdout is not stream
