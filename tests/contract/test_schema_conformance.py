"""The served description against the server: whatever fits it, or nearly does, gets an answer that it documents."""

from collections import Counter
from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from schemathesis.checks import CheckFunction
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support import browser
from tests.support.people import Person, register
from tools.installation import Site

CHECKS: list[CheckFunction] = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 6
OPERATIONS_PER_OWNER = 50
ENDS_THE_SESSION = {"/api/auth/logout/"}
ANSWER_SECONDS = 30
# These search as long as they are asked to.
PLANS_A_WEEK = ("/auto-schedule/", "/optimize/")

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def described(installation: Site) -> Any:
    document = httpx.get(f"{installation.url}/api/schema/", headers={"Accept": "application/json"}, timeout=60).json()
    schema = schemathesis.openapi.from_dict(document)
    # The alphabet is the same without it, and need not be found by encoding every character there is.
    schema.config.generation.codec = None
    return schema


@pytest.fixture
def no_constants_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hypothesis would try each constant of all imported modules against the pattern of each field of the document."""
    monkeypatch.setattr(providers, "_get_local_constants", Constants)
    monkeypatch.setattr(providers, "CONSTANTS_CACHE", {})


@pytest.fixture(scope="module")
def connection() -> Iterator[requests.Session]:
    """One connection for thousands of requests, each of which is somebody's without the cookies of another."""
    with requests.Session() as session:
        session.trust_env = False
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        yield session


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("no_constants_of_ours")
def test_every_answer_is_a_documented_one(
    described: Any, installation: Site, client: httpx.Client, connection: requests.Session
) -> None:
    seen: Counter[int] = Counter()

    def examine(operation: Any, owner: Person) -> str:
        """What is wrong with an operation's answers; empty when nothing is."""

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def answers_are_documented(case: Any) -> None:
            headers = {"Authorization": f"Bearer {owner.tokens['access']}", "X-Forwarded-For": browser.elsewhere()}
            if operation.path.endswith(PLANS_A_WEEK) and isinstance(case.body, dict):
                case.body = {**case.body, "seconds": 1}
            answer = case.call_and_validate(
                base_url=installation.url, headers=headers, checks=CHECKS, timeout=ANSWER_SECONDS, session=connection
            )
            seen[answer.status_code] += 1

        try:
            answers_are_documented()
        except FailureGroup as failures:
            return f"{operation.method.upper()} {operation.path}: {failures.exceptions}"
        return ""

    operations = [found.ok() for found in described.get_all_operations()]
    operations = [operation for operation in operations if operation.path not in ENDS_THE_SESSION]
    wrong = []
    for some in _batches(operations):
        owner = register(client, "Fuzzed").owner
        wrong += [complaint for operation in some if (complaint := examine(operation, owner))]
        assert owner.get("/api/auth/me/").status_code == 200
    assert not wrong, "\n".join(wrong)
    assert len(operations) > 100
    assert seen[200] > len(operations) // 2
    assert seen[429] == 0


def _batches(operations: list[Any]) -> Iterator[list[Any]]:
    """Each owner's share, so that nobody comes near the limits of one account."""
    for start in range(0, len(operations), OPERATIONS_PER_OWNER):
        yield operations[start : start + OPERATIONS_PER_OWNER]
