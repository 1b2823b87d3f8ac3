"""The operator's command: `mizan --help`.

It reads the same variables as the processes it operates; while `make run` runs, the file `env` in its data folder
exports them.
"""

import os
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from typing import Annotated, Any, NoReturn, TypeVar
from uuid import UUID

import grpc
import httpx
import typer
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from gateway.routes import rows
from gateway.settings import DESCRIPTORS
from gateway.transcode.catalog import Catalog
from servicekit import deadletters, migrate
from servicekit.cli import UNUSABLE, AnySpelling, read_settings, run
from servicekit.deadletters import DeadLetter, Replayed
from servicekit.runtime import Service
from services.identity.cli import create_superuser
from tools import seed
from tools.services import ROOT, migrated_services, service_names

HEALTH_TIMEOUT_SECONDS = 3.0
T = TypeVar("T")

app = typer.Typer(help="Operates a Mizan installation.", cls=AnySpelling, no_args_is_help=True)
app.command("create-superuser")(create_superuser)
app.command("seed")(seed.main)


def mount_services() -> None:
    """Puts each service's own commands under its name."""
    for name in service_names():
        if (ROOT / "services" / name / "cli.py").exists():
            app.add_typer(import_module(f"services.{name}.cli").app, name=name)


@app.command("migrate")
def migrate_databases(service: Annotated[str, typer.Argument(help="A service, or all.")] = "all") -> None:
    """Bring databases to the newest schema, as the owner in <SERVICE>_OWNER_DATABASE_URL."""
    for name in _chosen(service, migrated_services()):
        owner = os.environ.get(f"{name.upper()}_OWNER_DATABASE_URL")
        if not owner:
            _refuse(f"{name.upper()}_OWNER_DATABASE_URL is not set")
        application = os.environ.get(f"{name.upper()}_DATABASE_URL")
        role = make_url(application).username if application else None
        try:
            changed = migrate.upgrade(owner, name, role)
        except SQLAlchemyError as error:
            typer.echo(f"{name}: {error}", err=True)
            raise typer.Exit(1) from error
        typer.echo(f"{name}: {'migrated' if changed else 'at the newest schema'}")


@app.command("routes")
def list_routes() -> None:
    """List every public operation: method, path, RPC, permission."""
    table = list(rows(Catalog.load(DESCRIPTORS)))
    widths = [max((len(row[column]) for row in table), default=0) for column in range(3)]
    for row in table:
        typer.echo("  ".join(text.ljust(width) for text, width in zip(row, (*widths, 0), strict=True)).rstrip())


@app.command("health")
def check_health() -> None:
    """Ask every service in <SERVICE>_TARGET and the gateway at PUBLIC_URL how it is; ends with 1 unless all serve."""
    found = run(_health())
    if not found:
        _refuse("neither PUBLIC_URL nor any <SERVICE>_TARGET is set")
    for name, state in found:
        typer.echo(f"{name:<12} {state}")
    if any(state != "SERVING" for _, state in found):
        raise typer.Exit(1)


async def _health() -> list[tuple[str, str]]:
    targets = [(name, os.environ.get(f"{name.upper()}_TARGET")) for name in service_names()]
    found = [(name, await _service_health(target)) for name, target in targets if target]
    url = os.environ.get("PUBLIC_URL")
    if url:
        found.append(("gateway", await _gateway_health(url)))
    return found


async def _service_health(target: str) -> str:
    async with grpc.aio.insecure_channel(target) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=HEALTH_TIMEOUT_SECONDS)
        except grpc.aio.AioRpcError as error:
            return error.code().name
    status: str = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
    return status


async def _gateway_health(url: str) -> str:
    async with httpx.AsyncClient(timeout=HEALTH_TIMEOUT_SECONDS) as client:
        try:
            answer = await client.get(f"{url.rstrip('/')}/readyz")
        except httpx.HTTPError as error:
            return type(error).__name__
    return "SERVING" if answer.is_success else f"NOT_SERVING ({answer.status_code})"


@app.command("dead-letters")
def list_dead_letters(
    service: Annotated[str, typer.Argument()],
    most: Annotated[int, typer.Option(min=1, help="How many at most, latest first.")] = 100,
    discard: Annotated[list[UUID] | None, typer.Option(help="Delete this one; may be repeated.")] = None,
) -> None:
    """List the events that a service gave up on, or discard some for good."""

    async def work(built: Service) -> Sequence[DeadLetter] | int:
        if discard:
            return await deadletters.discard(built.core.database, discard)
        return await deadletters.listing(built.core.database, most)

    answer = run(_with_database(service, work))
    if isinstance(answer, int):
        typer.echo(f"discarded {answer}")
        return
    for letter in answer:
        typer.echo(
            f"{letter.id}  {letter.failed_at:%Y-%m-%d %H:%M:%S}  {letter.consumer}  {letter.type}  "
            f"{letter.reason} after {letter.attempts}: {letter.error}"
        )
    typer.echo(f"{len(answer)} dead letters")


@app.command("replay")
def replay_dead_letters(
    service: Annotated[str, typer.Argument()],
    ids: Annotated[list[UUID] | None, typer.Argument(help="Which dead letters.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Handle dead letters again, in the service's own code; ends with 1 when one fails again."""
    if bool(ids) == everything:
        _refuse("name dead letters, or say --all")

    async def work(built: Service) -> Replayed:
        outcomes = [
            await deadletters.replay(subscriber.inbox, None if everything else ids) for subscriber in built.subscribers
        ]
        return Replayed(
            sum(outcome.applied for outcome in outcomes),
            sum(outcome.already_applied for outcome in outcomes),
            sum(outcome.failed for outcome in outcomes),
        )

    outcome = run(_with_database(service, work))
    typer.echo(f"applied {outcome.applied}, applied before {outcome.already_applied}, failed {outcome.failed}")
    if outcome.failed:
        raise typer.Exit(1)


async def _with_database(service: str, work: Callable[[Service], Awaitable[T]]) -> T:
    """Does something with a service that is connected to its database and to nothing else."""
    (name,) = _chosen(service, service_names(), or_all=False)
    settings = read_settings(import_module(f"services.{name}.settings").Settings)
    built: Service = import_module(f"services.{name}.main").build(settings)
    await built.core.database.start()
    try:
        return await work(built)
    finally:
        await built.core.database.stop()


def _chosen(service: str, known: list[str], *, or_all: bool = True) -> list[str]:
    if service == "all" and or_all:
        return known
    if service not in known:
        _refuse(f"there is no service {service}; there are {', '.join(known)}")
    return [service]


def _refuse(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(UNUSABLE)


def main() -> None:
    """Runs one command."""
    mount_services()
    app()


if __name__ == "__main__":
    main()
