"""An agent of somebody's own, speaking the Model Context Protocol through the protocol's own client."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.support import browser
from tests.support.people import Person, join, register
from tools.installation import Site

pytestmark = pytest.mark.e2e


class Agent:
    """Uses the tools as a model would."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def use(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """What a tool answers. Fails when it answers an error."""
        answer = await self.client.call_tool(tool, arguments)
        assert not answer.is_error, answer.structured_content
        return dict(answer.structured_content)

    async def refused(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The error that a tool answers. Fails when it answers none."""
        answer = await self.client.call_tool(tool, arguments)
        assert answer.is_error, answer.structured_content
        return dict(answer.structured_content)

    async def found(self, words: str) -> list[str]:
        """The names of operations that fit."""
        return [one["operation"] for one in (await self.use("find_operations", words=words))["operations"]]


@asynccontextmanager
async def agent_of(site: Site, headers: dict[str, str]) -> AsyncIterator[Agent]:
    """An agent that holds somebody's credential."""
    async with (
        httpx2.AsyncClient(headers={**headers, "X-Forwarded-For": browser.elsewhere()}, timeout=60) as http,
        Client(streamable_http_client(f"{site.url}/mcp", http_client=http)) as client,
    ):
        yield Agent(client)


def bearer(person: Person) -> dict[str, str]:
    return {"Authorization": f"Bearer {person.tokens['access']}"}


@pytest.fixture
def client(installation: Site) -> Iterator[httpx.Client]:
    with browser.client(installation.url) as client:
        yield client


async def test_an_agent_finds_reads_about_and_uses_operations(installation: Site, client: httpx.Client) -> None:
    owner = register(client, "DarAgent").owner
    async with agent_of(installation, bearer(owner)) as agent:
        tools = {tool.name: tool for tool in (await agent.client.list_tools()).tools}
        assert set(tools) == {"find_operations", "describe_operation", "read", "change"}
        hints = {name: tool.annotations for name, tool in tools.items() if tool.annotations is not None}
        assert [hints[name].read_only_hint for name in ("read", "change")] == [True, False]
        assert [hints[name].destructive_hint for name in ("read", "change")] == [False, True]

        assert "MenuItemService.CreateMenuItem" in await agent.found("create menu item")
        about = await agent.use("describe_operation", operation="MenuItemService.CreateMenuItem")
        assert about["changes"]
        assert (about["method"], about["permission"]) == ("POST", "menu.manage")
        body = about["body"]
        properties = (
            about["$defs"][body["$ref"].rpartition("/")[2]]["properties"] if "$ref" in body else body["properties"]
        )
        assert {"name", "price"} <= set(properties)

        dish = {"name": "Harira", "price": "35.00"}
        key = str(uuid4())
        create = {"operation": "MenuItemService.CreateMenuItem", "body": dish, "idempotency_key": key}
        made = await agent.use("change", **create)
        assert made["status"] == 201
        assert (await agent.use("change", **create))["body"]["id"] == made["body"]["id"]

        listed = await agent.use("read", operation="MenuItemService.ListMenuItems", query={"search": "Harira"})
        rows = listed["body"]["results"] if isinstance(listed["body"], dict) else listed["body"]
        assert [row["id"] for row in rows] == [made["body"]["id"]]
        same = await agent.use(
            "read", operation="MenuItemService.GetMenuItem", path_parameters={"id": made["body"]["id"]}
        )
        assert same["body"]["name"] == "Harira"


async def test_it_may_what_its_person_may_and_is_told_what_it_does_wrong(
    installation: Site, client: httpx.Client
) -> None:
    restaurant = register(client, "DarWaiter")
    waiter = join(restaurant, "WAITER", "4711")
    async with agent_of(installation, bearer(waiter)) as agent:
        assert "MenuItemService.CreateMenuItem" not in await agent.found("create menu item")
        hidden = await agent.refused("change", operation="MenuItemService.CreateMenuItem", body={"name": "x"})
        assert hidden["code"] == "not_found"
        wrong = await agent.refused("read", operation="OrderService.CreateOrder")
        assert "'change'" in wrong["error"]
        assert (await agent.refused("read"))["fields"] == {"operation": ["Field required"]}
        nowhere = await agent.refused("read", operation="OrderService.GetOrder", path_parameters={"id": str(uuid4())})
        assert nowhere["status"] == 404
        unfilled = await agent.refused("read", operation="OrderService.GetOrder")
        assert set(unfilled["fields"]) == {"id"}
        elsewhere = await agent.refused("read", operation="OrderService.GetOrder", path_parameters={"id": "../staff"})
        assert set(elsewhere["fields"]) == {"id"}
        assert (await agent.refused("launch"))["code"] == "unknown_tool"


def test_without_a_credential_nothing_is_told(installation: Site, client: httpx.Client) -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    for headers in ({}, {"Authorization": "Bearer made.up.token"}, {"X-API-Key": "made up"}):
        answer = client.post("/mcp", json=request, headers=headers)
        assert answer.status_code == 401, answer.text
        assert answer.headers["www-authenticate"].startswith("Bearer")
