"""What an operator runs against an installation: the journey, the consistency check, backups of all databases."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tools import cli
from tools.installation import Site
from tools.services import ORDER

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

if not any(command.name == "journey" for command in cli.app.registered_commands):
    cli.mount()


@pytest.fixture
def mizan(installation: Site, monkeypatch: pytest.MonkeyPatch):
    """Runs a command with the installation's own variables."""
    for name, value in installation.environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, status: int = 0) -> str:
        result: Any = CliRunner().invoke(cli.app, list(arguments))
        assert result.exit_code == status, (result.output, result.exception)
        return result.output

    return run


def test_a_journey_through_the_platform(mizan) -> None:
    said = mizan("journey", "--sign-up").splitlines()
    steps = [line.removeprefix("ok: ") for line in said if line.startswith("ok: ")]
    assert steps == [
        "signed a restaurant up",
        "identity knows who is calling",
        "scheduling stored what was sent",
        "scheduling deleted it again",
        "the fact arrived over NATS",
        "inventory costs a dish of the menu",
        "pos took an order and its payment",
        "the sale is off the shelf",
        "notify told the owner that little is left",
        "timeclock and billing know the restaurant",
        "logged out, and the token is worth nothing",
    ]


def test_a_journey_says_where_it_ended(mizan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIZAN_TEST_EMAIL", "nobody@example.com")
    monkeypatch.setenv("MIZAN_TEST_PASSWORD", "Wr0ng!password")
    assert "failed: POST /api/auth/login/: 401" in mizan("journey", status=1)
    monkeypatch.setenv("PUBLIC_URL", "http://127.0.0.1:9")
    assert "failed: " in mizan("journey", status=1)


def test_every_database_is_backed_up_while_it_is_used(mizan, tmp_path: Path) -> None:
    said = mizan("backup", str(tmp_path)).splitlines()
    assert [line.partition(":")[0] for line in said] == list(ORDER)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [*(f"{name}.dump" for name in ORDER), "manifest.json"]
    )
