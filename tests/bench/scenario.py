"""What a scenario of the bench is, and where they are found: every module in the folder `scenarios` holds one."""

import importlib
import json
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.bench.population import Population
from tools.installation import Site


@dataclass(frozen=True)
class Target:
    """What a scenario should reach; None where nothing is asked."""

    # CPU of all server processes per request, of the hash of a password apart where the scenario takes one.
    cpu_ms: float | None = None
    # Of the skeleton's requests per second with as many connections.
    share_of_skeleton: float | None = None


@dataclass(frozen=True)
class Scenario:
    """One kind of request, measured alone."""

    name: str
    # The requests as they go over the wire, sent in turn; the port is the same for all.
    requests: Callable[[Population], list[str]]
    # Whether the body of an answer is what it should be; asked once.
    is_right: Callable[[bytes], bool]
    # The service whose database answers it.
    service: str
    target: Target = Target()
    # Of a right answer.
    status: str = "200"
    hashes: bool = False
    # Fills databases with what the requests are about; the population is all there is before.
    prepare: Callable[[Site, Population], None] | None = None
    # Puts things back to where the first of the requests expects them, before each load.
    reset: Callable[[Site, Population], None] | None = None
    # How many statements one request may send to the database, those that set the tenant, begin and commit apart.
    statements: int | None = None


def http(method: str, path: str, *, token: str = "", body: object = None) -> str:
    """An HTTP/1.1 request as text."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", "accept: application/json", "user-agent: mizan-bench"]
    if token:
        lines.append(f"authorization: Bearer {token}")
    content = "" if body is None else json.dumps(body)
    if content:
        lines += ["content-type: application/json", f"content-length: {len(content)}"]
    return "\r\n".join([*lines, "", content])


def scenarios(only: Sequence[str] = ()) -> list[Scenario]:
    """All scenarios, or those whose module is named, in the modules' order. Raises KeyError for an unknown one."""
    from tests.bench import scenarios as folder

    found = {
        module.name: importlib.import_module(f"{folder.__name__}.{module.name}").SCENARIO
        for module in sorted(pkgutil.iter_modules(folder.__path__), key=lambda module: module.name)
    }
    return [found[name] for name in only] if only else list(found.values())
