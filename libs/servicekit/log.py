"""Structured logs: JSON lines for machines, coloured lines in a terminal, and no secrets in either.

Every line carries the service, and inside a request its request id and trace id. What libraries log through the
standard library takes the same way out.
"""

import json
import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from itertools import pairwise
from typing import Any, TextIO

import orjson
import structlog

from servicekit import context

REDACTED = "[redacted]"
MAX_DEPTH = 6

_SECRET_WORDS = frozenset(
    {
        "authorization",
        "password",
        "passwd",
        "token",
        "pin",
        "secret",
        "apikey",
        "cookie",
        "otp",
        "passcode",
        "credential",
    }
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_SECRET_TEXT = re.compile(r"(?i)(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}|(://[^\s:/@]*:)[^\s@/]+(?=@)")
# Libraries that report every connection or request at INFO.
_CHATTY = ("httpx", "httpcore", "nats", "procrastinate", "sqlalchemy.engine", "uvicorn.access")
# Writes the arguments of jobs that fail, which may hold personal data; servicekit.jobs reports failures itself.
_SILENCED = ("procrastinate.worker",)


def configure(service: str, *, level: str = "INFO", pretty: bool | None = None, stream: TextIO | None = None) -> None:
    """Sets up logging for the process; `pretty` defaults to whether the stream is a terminal.

    Raises ValueError for a level that does not exist.
    """
    out = stream or sys.stdout
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"unknown log level {level!r}")
    terminal = out.isatty() if pretty is None else pretty
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _origin(service),
    ]
    ending: list[structlog.typing.Processor] = (
        # The plain form: the richer ones print local variables, which hold what must not be logged.
        [
            redact,
            structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback),
        ]
        if terminal
        else [structlog.processors.format_exc_info, redact, structlog.processors.JSONRenderer(serializer=_json)]
    )
    structlog.configure(
        processors=[*shared, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=stream is None,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                *shared,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.PositionalArgumentsFormatter(),
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    for name in _SILENCED:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _origin(service: str) -> structlog.typing.Processor:
    def add(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        entry.setdefault("service", service)
        request = context.current.get()
        if request.request_id:
            entry.setdefault("request_id", request.request_id)
        if request.trace_parent:
            entry.setdefault("trace_id", request.trace_parent[3:35])
        return entry

    return add


def redact(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replaces the values of keys that look secret, at any depth, and credentials inside texts."""
    for key, value in entry.items():
        entry[key] = REDACTED if is_secret_name(key) else _clean(value, 0)
    return entry


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether a key of this name holds something that must not be written down."""
    words = [word.lower().removesuffix("s") for word in _WORD.findall(name)]
    return not _SECRET_WORDS.isdisjoint(words) or ("api", "key") in pairwise(words)


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _SECRET_TEXT.sub(_hide, value) if len(value) > 8 else value
    if depth >= MAX_DEPTH:
        return value
    if isinstance(value, Mapping):
        return {
            key: REDACTED if isinstance(key, str) and is_secret_name(key) else _clean(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        pair = len(value) == 2 and isinstance(value[0], str) and is_secret_name(value[0])
        return [value[0], REDACTED] if pair else [_clean(item, depth + 1) for item in value]
    return value


def _hide(match: re.Match[str]) -> str:
    return f"{match[1] or match[2]}{REDACTED}"


def _json(entry: Any, **_options: Any) -> str:
    try:
        return orjson.dumps(entry, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        # Integers beyond 64 bits and the like: a log line must never fail the work that it reports.
        return json.dumps(entry, default=str, skipkeys=True)
