"""What pos is as a whole: its database, its copies of identity's facts, its process."""

from pathlib import Path

from refdata.testing import check_that_it_keeps_refdata
from servicekit.tables import PLATFORM_TABLES
from servicekit.testing.events import Bus
from servicekit.testing.fixtures import SettingsOf
from servicekit.testing.process import service_process
from servicekit.testing.schema import tables_without_tenant
from servicekit.testing.service import RunningService
from services.pos import models


def test_every_table_of_restaurants_is_under_a_forced_policy(pos: RunningService) -> None:
    assert tables_without_tenant(pos) == PLATFORM_TABLES | models.PLATFORM_TABLES | {"alembic_version"}


async def test_it_keeps_restaurants_and_staff(pos: RunningService, bus: Bus) -> None:
    await check_that_it_keeps_refdata(pos, bus)


def test_its_process_answers_probes_and_shows_metrics(settings_of: SettingsOf, tmp_path: Path) -> None:
    with service_process("pos", settings_of("pos"), tmp_path) as process:
        assert process.get("/healthz") == (200, "ok\n")
        status, metrics = process.get("/metrics/")
        assert status == 200
        assert "mizan_jobs" in metrics
    assert process.child.status == 0
