"""Databases and roles: one database per service, an owner for migrations and an application role under row security."""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

CONNECT_TIMEOUT = 10

Migrate = Callable[[str, str], object]
"""Brings the database behind a connection URL of its owner to the newest schema of a service."""


@dataclass(frozen=True)
class Database:
    """A database of one service and how its two roles reach it."""

    name: str
    service: str
    owner_dsn: str
    app_dsn: str


class Databases:
    """Makes databases on one PostgreSQL server.

    The roles' passwords are derived from a secret, so that processes that share the secret agree on them. The prefix,
    put before every database's name, keeps users of one server apart.
    """

    def __init__(self, admin_dsn: str, secret: str, prefix: str = "") -> None:
        self._admin_dsn = admin_dsn
        self._secret = secret
        self._prefix = prefix

    def create(self, name: str, service: str | None = None) -> Database:
        """Make a database with the roles `<service>_owner` and `<service>_app`; what exists is brought in line."""
        service = service or name
        name = self._prefix + name
        with self._locked("databases") as connection:
            self._create_roles(connection, service)
            if not self._exists(connection, name):
                self._run(connection, "CREATE DATABASE {name} OWNER {owner}", name, service)
            self._run(connection, "REVOKE ALL ON DATABASE {name} FROM PUBLIC", name, service)
            self._run(connection, "GRANT CONNECT ON DATABASE {name} TO {app}", name, service)
        with self._connect(name) as connection:
            for statement in (
                "ALTER SCHEMA public OWNER TO {owner}",
                "GRANT USAGE ON SCHEMA public TO {app}",
                "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}",
                "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT USAGE, SELECT ON SEQUENCES TO {app}",
            ):
                self._run(connection, statement, name, service)
        return self._describe(name, service)

    def create_template(self, name: str, service: str, migrate: Migrate) -> Database:
        """Make and migrate a database once, whoever else asks for it, and close it so that it can be cloned."""
        database = self._describe(self._prefix + name, service)
        with self._locked(database.name) as connection:
            # A template that is open was left unfinished by a process that died.
            if not self._is_closed(connection, database.name):
                self.drop(database)
                self.create(name, service)
                migrate(database.owner_dsn, service)
                self._run(connection, "ALTER DATABASE {name} ALLOW_CONNECTIONS false", database.name, service)
        return database

    def clone(self, template: Database, name: str) -> Database:
        """Copy a template into a new database with the same owner and rights."""
        name = self._prefix + name
        with self._connect() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
                    sql.Identifier(name), sql.Identifier(template.name), sql.Identifier(f"{template.service}_owner")
                )
            )
            self._run(connection, "REVOKE ALL ON DATABASE {name} FROM PUBLIC", name, template.service)
            self._run(connection, "GRANT CONNECT ON DATABASE {name} TO {app}", name, template.service)
        return self._describe(name, template.service)

    def drop(self, database: Database) -> None:
        """Drop a database, ending the sessions in it; one that is not there is no error."""
        with self._connect() as connection:
            self._run(connection, "DROP DATABASE IF EXISTS {name} WITH (FORCE)", database.name, database.service)

    def drop_all(self) -> None:
        """Drop every database whose name starts with the prefix; raises ValueError when there is no prefix."""
        if not self._prefix:
            raise ValueError("without a prefix, this would drop the databases of others")
        with self._connect() as connection:
            query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
            for (name,) in connection.execute(query, (self._prefix,)).fetchall():
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def dsn(self, role: str, database: str) -> str:
        """Connection URL of a role."""
        server = urlsplit(self._admin_dsn)
        address = f"{server.hostname}:{server.port or 5432}"
        return urlunsplit(("postgresql", f"{role}:{self._password(role)}@{address}", f"/{database}", server.query, ""))

    def _password(self, role: str) -> str:
        return hmac.new(self._secret.encode(), role.encode(), hashlib.sha256).hexdigest()

    def _describe(self, name: str, service: str) -> Database:
        return Database(name, service, self.dsn(f"{service}_owner", name), self.dsn(f"{service}_app", name))

    def _connect(self, database: str | None = None) -> psycopg.Connection:
        server = urlsplit(self._admin_dsn)
        dsn = urlunsplit(server._replace(path=f"/{database}")) if database else self._admin_dsn
        return psycopg.connect(dsn, autocommit=True, connect_timeout=CONNECT_TIMEOUT)

    @contextmanager
    def _locked(self, what: str) -> Iterator[psycopg.Connection]:
        """An administrator's connection that holds a lock until it is closed."""
        with self._connect() as connection:
            connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (f"mizan {what}",))
            yield connection

    def _create_roles(self, connection: psycopg.Connection, service: str) -> None:
        for role in (f"{service}_owner", f"{service}_app"):
            known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).rowcount
            connection.execute(
                sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD {}").format(
                    sql.SQL("ALTER" if known else "CREATE"), sql.Identifier(role), sql.Literal(self._password(role))
                )
            )

    @staticmethod
    def _exists(connection: psycopg.Connection, name: str) -> bool:
        return connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).rowcount > 0

    @staticmethod
    def _is_closed(connection: psycopg.Connection, name: str) -> bool:
        query = "SELECT FROM pg_database WHERE datname = %s AND NOT datallowconn"
        return connection.execute(query, (name,)).rowcount > 0

    @staticmethod
    def _run(connection: psycopg.Connection, statement: str, name: str, service: str) -> None:
        connection.execute(
            sql.SQL(statement).format(
                name=sql.Identifier(name),
                owner=sql.Identifier(f"{service}_owner"),
                app=sql.Identifier(f"{service}_app"),
            )
        )
