"""The tables that the platform keeps in every service's database, and the conventions that all tables follow.

None of them belongs to a tenant: they are read by relays, consumers and operators only, never through a public method,
and so are the only tables without a row-level policy. `PLATFORM_TABLES` names exactly them.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

NAMING_CONVENTION = {
    "pk": "pk_%(table_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
}

# Rows live for milliseconds in the outbox and the table is scanned from its start: dead rows must go early.
_VACUUM_EAGERLY = {"autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_threshold": "2000"}


def metadata() -> sa.MetaData:
    """A fresh MetaData with the naming convention of every service."""
    return sa.MetaData(naming_convention=NAMING_CONVENTION)


def one_of(column: str, *values: str) -> sa.CheckConstraint:
    """The CHECK of a text column that holds one of a few words."""
    words = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({words})", name=column)


def _now() -> sa.TextClause:
    return sa.text("now()")


_platform = metadata()

outbox = sa.Table(
    "outbox",
    _platform,
    # The order of writing, not of committing: a row may appear after rows with a higher number were already relayed.
    sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("id", sa.Uuid, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("headers", JSONB, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=_now()),
    postgresql_with=_VACUUM_EAGERLY,
)
"""Facts that were committed and wait to be published."""

inbox = sa.Table(
    "inbox",
    _platform,
    sa.Column("consumer", sa.Text, primary_key=True),
    sa.Column("message_id", sa.Uuid, primary_key=True),
    sa.Column("handled_at", sa.DateTime(timezone=True), nullable=False, server_default=_now(), index=True),
)
"""Events whose effects are in this database, so that a repeated delivery has none."""

dead_letter = sa.Table(
    "dead_letter",
    _platform,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("consumer", sa.Text, nullable=False),
    sa.Column("message_id", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("headers", JSONB, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("trace", sa.Text, nullable=False),
    sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False, server_default=_now(), index=True),
    sa.UniqueConstraint("consumer", "message_id"),
    one_of("reason", "undecodable", "unhandled", "failed", "crashed"),
)
"""Events that a consumer gave up on, kept whole until an operator replays or discards them."""

idempotency_key = sa.Table(
    "idempotency_key",
    _platform,
    # The caller: kind, subject and restaurant.
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("request_digest", sa.LargeBinary, nullable=False),
    sa.Column("response", sa.LargeBinary),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=_now(), index=True),
)
"""Answers already given to requests that carried an Idempotency-Key."""

PLATFORM_TABLES = frozenset(_platform.tables)
"""The names of the tables that have no tenant."""


def attach(target: sa.MetaData) -> None:
    """Adds the platform's tables to a service's MetaData, so that its migrations know them."""
    for table in _platform.sorted_tables:
        table.to_metadata(target)
