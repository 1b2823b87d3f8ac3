"""What a restaurant subscribes to, with its plan."""

import json

from tests.bench.population import Population
from tests.bench.scenario import Scenario, Target, http


def _requests(population: Population) -> list[str]:
    return [http("GET", "/api/billing/subscription/", token=token) for token in population.tokens]


SCENARIO = Scenario(
    name="GET /api/billing/subscription/",
    requests=_requests,
    is_right=lambda body: json.loads(body)["status"] == "incomplete",
    service="billing",
    target=Target(cpu_ms=1.5, share_of_skeleton=0.5),
    statements=1,
)
