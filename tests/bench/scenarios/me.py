"""The account behind a token: what every screen asks first."""

import json

from tests.bench.population import Population
from tests.bench.scenario import Scenario, Target, http


def _requests(population: Population) -> list[str]:
    return [http("GET", "/api/auth/me/", token=token) for token in population.tokens]


SCENARIO = Scenario(
    name="GET /api/auth/me/",
    requests=_requests,
    is_right=lambda body: json.loads(body)["restaurant_data"]["name"] == "Chez Bench",
    service="identity",
    target=Target(cpu_ms=1.2, share_of_skeleton=0.6),
    statements=1,
)
