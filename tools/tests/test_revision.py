"""A revision holds what the models have and the database has not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from servicekit import migrate
from services.pos.models import Base
from tools import revision
from tools.stack import Stack, make_stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with make_stack(tmp_path_factory.mktemp("stack"), durable=False) as stack:
        yield stack


def test_models_that_are_migrated_need_no_revision(stack: Stack) -> None:
    assert revision.write_revision(stack, "pos", "Nothing.") is None


def test_a_new_table_gets_a_revision(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "services" / "pos" / "migrations" / "versions"
    folder.mkdir(parents=True)
    (folder / "older.py").touch()
    monkeypatch.setattr(revision, "ROOT", tmp_path)

    def write(_owner_url: str, service: str, message: str) -> None:
        (folder / "newer.py").write_text(f"revision   =  '{service} {message}'\n")

    monkeypatch.setattr(migrate, "new_revision", write)
    added = sa.Table("ovens", Base.metadata, sa.Column("id", sa.Uuid, primary_key=True))
    try:
        written = revision.write_revision(stack, "pos", "Adds ovens.")
    finally:
        Base.metadata.remove(added)
    assert written == folder / "newer.py"
    assert written.read_text() == 'revision = "pos Adds ovens."\n'
