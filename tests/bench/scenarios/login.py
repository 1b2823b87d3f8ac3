"""Logging in: bound by the hash of the password."""

import json

from tests.bench.population import PASSWORD, Population
from tests.bench.scenario import Scenario, Target, http


def _requests(population: Population) -> list[str]:
    return [
        http("POST", "/api/auth/login/", body={"email": email, "password": PASSWORD}) for email in population.emails
    ]


SCENARIO = Scenario(
    name="POST /api/auth/login/",
    requests=_requests,
    is_right=lambda body: bool(json.loads(body)["tokens"]["access"]),
    service="identity",
    # Half of what the hash itself takes: everything else about a login is small beside it.
    target=Target(cpu_ms=13.0),
    hashes=True,
)
