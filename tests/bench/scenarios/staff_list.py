"""Everybody who works in a restaurant of fifty."""

import json

from tests.bench.population import STAFF, Population
from tests.bench.scenario import Scenario, Target, http


def _requests(population: Population) -> list[str]:
    return [http("GET", "/api/staff/", token=token) for token in population.tokens]


def _is_right(body: bytes) -> bool:
    return len(json.loads(body)) == STAFF


SCENARIO = Scenario(
    name="GET /api/staff/ (50 people)",
    requests=_requests,
    is_right=_is_right,
    service="identity",
    target=Target(cpu_ms=3.0),
    statements=1,
)
