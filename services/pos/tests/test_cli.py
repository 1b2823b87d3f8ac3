"""The operator's commands."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from servicekit.db import SYSTEM
from servicekit.testing.service import RunningService
from services.pos import cli
from services.pos.commands import events_in
from services.pos.settings import Settings


@pytest.fixture
def mizan(settings: Settings, pos: RunningService, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs one of pos's commands against the running service's database."""
    monkeypatch.setattr(cli, "read_settings", lambda _kind: settings)

    def run(*words: str) -> tuple[int, list[str]]:
        done = CliRunner().invoke(cli.app, words)
        return done.exit_code, done.stdout.splitlines()

    return run


def test_codes_are_shown_to_the_operator(pos: RunningService, mizan: Any) -> None:
    async def keep() -> None:
        async with pos.database.write(SYSTEM) as session:
            await events_in.keep_code(session, "CLOVER", "verify-me", datetime(2026, 3, 1, 12, 30, tzinfo=UTC))

    pos.run(keep())
    assert mizan("verification-codes") == (0, ["2026-03-01 12:30 CLOVER verify-me"])


def test_days_are_summed_up_on_demand(pos: RunningService, mizan: Any) -> None:
    async def sell() -> None:
        async with pos.database.write(SYSTEM) as session:
            day = text("INSERT INTO sales_days (restaurant_id, business_date) VALUES (:id, '2025-01-01')")
            await session.execute(day, {"id": uuid4()})

    pos.run(sell())
    assert mizan("sum-sales") == (0, ["1 days"])
    assert mizan("sum-sales") == (0, ["0 days"])
