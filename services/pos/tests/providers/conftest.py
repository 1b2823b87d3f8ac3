"""The till systems of others and identity beside pos, and what restaurants do with them."""

from collections.abc import Awaitable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
from cryptography.fernet import Fernet
from google.protobuf.empty_pb2 import Empty
from pydantic import SecretStr
from sqlalchemy import text

from mizan.pos.v1 import agent_pb2, menu_item_pb2, provider_pb2, webhook_pb2
from servicekit.db import SYSTEM, Query
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS, Principal
from servicekit.testing.fixtures import SettingsOf
from servicekit.testing.service import Api, RunningService
from servicekit.testing.web import served
from services.pos.settings import Settings
from services.pos.tests.conftest import run_jobs
from services.pos.tests.neighbours import TILL_SECRETS, FakeIdentity, identity_at
from tools.devkeys import DevKeys
from tools.stack.processes import free_port
from tools.till_server.server import TillServer

AGENT = Principal(kind="AGENT", subject="platform-agent", permissions=frozenset({"agent.pos"}), name="Agent")
SQUARE_URL = "https://mizan.example/api/pos/webhooks/square/"


@pytest.fixture(scope="module")
def tills() -> TillServer:
    return TillServer(TILL_SECRETS)


@pytest.fixture(scope="module")
def settings(settings_of: SettingsOf, tills: TillServer) -> Iterator[Settings]:
    with served(tills.application) as url:
        yield Settings(
            **settings_of("pos"),
            identity_target=f"127.0.0.1:{free_port()}",
            event_delay_seconds=0,
            encryption_keys=SecretStr(Fernet.generate_key().decode()),
            square_api_url=f"{url}/square",
            toast_api_url=f"{url}/toast",
            clover_api_url=f"{url}/clover",
            square_application_id=TILL_SECRETS.square_application_id,
            square_application_secret=SecretStr(TILL_SECRETS.square_application_secret),
            square_webhook_signature_key=SecretStr(TILL_SECRETS.square_signature_key),
            square_webhook_notification_url=SQUARE_URL,
            square_webhook_notification_url_template=SQUARE_URL + "{restaurant_id}/",
            toast_webhook_secret=SecretStr(TILL_SECRETS.toast_webhook_secret),
            clover_webhook_code=SecretStr(TILL_SECRETS.clover_webhook_code),
        )


@pytest.fixture(scope="module", autouse=True)
def identity(settings: Settings, keys: DevKeys) -> Iterator[FakeIdentity]:
    port = int(settings.identity_target.rpartition(":")[2])
    with identity_at(port, keys.internal_keys) as fake:
        yield fake


async def refusal(asked: Awaitable[object]) -> RemoteRefusal:
    with pytest.raises(RemoteRefusal) as refused:
        await asked
    return refused.value


def rows(pos: RunningService, statement: str, **values: Any) -> list[Any]:
    return list(pos.run(pos.database.read(SYSTEM).all(Query(text(statement)), **values)))


async def authorize(api: Api, chef: Principal) -> str:
    """The state in the address of Square's consent page."""
    page = await api.ProviderService.GetSquareAuthorization(Empty(), principal=chef)
    query = parse_qs(urlsplit(page.authorization_url).query)
    assert query["client_id"] == [TILL_SECRETS.square_application_id]
    assert query["redirect_uri"] == ["http://127.0.0.1:8000/api/settings/square/oauth/callback/"]
    return query["state"][0]


async def come_back(api: Api, **said: str) -> dict[str, list[str]]:
    """What the address says that the browser is sent to."""
    request = provider_pb2.FinishSquareAuthorizationRequest(**said)
    answer = await api.ProviderService.FinishSquareAuthorization(request, principal=ANONYMOUS)
    assert answer.location.startswith("http://127.0.0.1:8081/dashboard/settings?tab=integrations&")
    return parse_qs(urlsplit(answer.location).query)


async def connect_square(pos: RunningService, api: Api, tills: TillServer, chef: Principal) -> str:
    """A restaurant connected with a merchant of its own; the merchant's id."""
    merchant = f"M-{uuid4().hex[:8]}"
    tills.square.merchant(merchant)
    said = await come_back(api, state=await authorize(api, chef), code=tills.square.code(merchant))
    assert said["square"] == ["connected"]
    run_jobs(pos)
    return merchant


async def tell_square(api: Api, tills: TillServer, event: dict[str, Any]) -> None:
    body, headers = tills.square.signed(event, SQUARE_URL)
    request = webhook_pb2.SquareEvent(signature=headers["x-square-hmacsha256-signature"])
    request.payload.data = body
    answer = await api.WebhookService.ReceiveSquareEvent(request, principal=ANONYMOUS)
    assert answer.status == "received"


async def summary(api: Api, restaurant_id: UUID, day: str) -> agent_pb2.SalesSummary:
    request = agent_pb2.GetSalesSummaryRequest(restaurant_id=str(restaurant_id), date=day)
    return await api.AgentPosService.GetSalesSummary(request, principal=AGENT)


async def menu(api: Api, chef: Principal) -> dict[str, menu_item_pb2.MenuItem]:
    found = await api.MenuItemService.ListMenuItems(menu_item_pb2.ListMenuItemsRequest(), principal=chef)
    return {item.name: item for item in found.results}


async def status(api: Api, chef: Principal) -> provider_pb2.ProviderStatus:
    return await api.ProviderService.GetProviderStatus(Empty(), principal=chef)


async def connect(pos: RunningService, api: Api, identity: FakeIdentity, chef: Principal, *named: str) -> None:
    """Connects a restaurant with the till system that its settings name."""
    identity.chooses(chef.tenant, *named)
    answer = await api.ProviderService.TestPosConnection(Empty(), principal=chef)
    assert answer.connected, answer.message
    run_jobs(pos)
