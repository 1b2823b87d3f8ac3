"""Identity as a whole, over real gRPC on a migrated database, for the tests of a module."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from uuid import UUID

import pytest
import pytest_asyncio
from pydantic import SecretStr

from mizan.identity.v1 import account_pb2, auth_pb2
from servicekit.identity import Principal, service_principal
from servicekit.testing.clock import MovableClock
from servicekit.testing.fixtures import SettingsOf
from servicekit.testing.service import Api, RunningService, person, running
from services.identity.domain.permissions import standard_permissions
from services.identity.main import build
from services.identity.settings import Settings
from tools.devkeys import DevKeys

PASSWORD = "Str0ng!pass"
GATEWAY = service_principal("gateway", "access.resolve", "access.invitation_links")
"""What asks identity about credentials and links."""


@dataclass(frozen=True)
class Owner:
    """A freshly registered restaurant with its owner."""

    principal: Principal
    user: account_pb2.User
    restaurant: account_pb2.Restaurant
    tokens: account_pb2.Tokens

    @property
    def restaurant_id(self) -> UUID:
        return UUID(self.restaurant.id)

    def colleague(self, role: str, user_id: str | UUID | None = None) -> Principal:
        """A principal of the same restaurant in another role."""
        return person(standard_permissions(role), restaurant_id=self.restaurant_id, role=role, user_id=user_id)


@pytest.fixture(scope="module")
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(scope="module")
def settings(settings_of: SettingsOf, keys: DevKeys) -> Settings:
    keys.make_jwt_key()
    return Settings(
        **settings_of("identity"),
        jwt_keys_dir=keys.jwt_keys,
        pin_pepper=SecretStr(keys.text("pin.pepper")),
        encryption_keys=SecretStr(keys.fernet_key("encryption.key")),
        smtp_url=SecretStr("smtp://127.0.0.1:9"),
    )


@pytest.fixture(scope="module")
def identity(settings: Settings, clock: MovableClock) -> Iterator[RunningService]:
    with running(lambda: build(settings, clock)) as service:
        yield service


@pytest_asyncio.fixture
async def api(identity: RunningService) -> AsyncIterator[Api]:
    async with Api.of(identity) as api:
        yield api


async def register(api: Api, name: str) -> Owner:
    """Signs a restaurant up."""
    email = f"{name}@example.com"
    answer = await api.AuthService.Register(
        auth_pb2.RegisterRequest(
            restaurant=auth_pb2.RestaurantSignUp(name=f"Chez {name}", email=email),
            user=auth_pb2.OwnerSignUp(email=email, password=PASSWORD, first_name="Amina", last_name=name),
        )
    )
    principal = person(
        standard_permissions("SUPER_ADMIN"),
        restaurant_id=UUID(answer.restaurant.id),
        role="SUPER_ADMIN",
        user_id=answer.user.id,
        name="Amina",
    )
    return Owner(principal, answer.user, answer.restaurant, answer.tokens)
