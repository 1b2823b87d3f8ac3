"""The operator's command: `mizan --help`.

It reads the same variables as the processes it operates; while `make run` runs, the file `env` in its data folder
exports them.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import grpc
import httpx
import typer
from grpc_health.v1 import health_pb2, health_pb2_grpc

from servicekit import log
from servicekit.commands import AnySpelling, run
from tools.operations.choice import refuse
from tools.services import ORDER, ROOT, service_names

HEALTH_TIMEOUT_SECONDS = 3.0

app = typer.Typer(help="Operates a Mizan installation.", cls=AnySpelling, no_args_is_help=True)
# Commands and the modules they stand in. The image of one component holds those that it can use.
COMMANDS = {
    "backup": ("tools.operations.backup", "main"),
    "check-notification-health": ("services.notify.cli", "check_notification_health"),
    "cleanup-notifications": ("services.notify.cli", "cleanup_notifications"),
    "create-superuser": ("services.identity.cli", "create_superuser"),
    "db-consistency-check": ("tools.operations.consistency", "main"),
    "dead-letters": ("tools.operations.letters", "list_dead_letters"),
    "import-legacy": ("tools.operations.legacy.command", "main"),
    "journey": ("tools.operations.journey", "main"),
    "migrate": ("tools.operations.migrations", "main"),
    "provision": ("tools.operations.provision", "main"),
    "replay": ("tools.operations.letters", "replay_dead_letters"),
    "restore": ("tools.operations.restore", "main"),
    "routes": ("tools.operations.routes", "main"),
    "seed": ("tools.seed", "main"),
    "seed-data": ("tools.seed", "main"),
    "send-scheduled-notifications": ("services.notify.cli", "send_scheduled_notifications"),
}


def mount() -> None:
    """Adds the commands whose modules are here, and each service's own under its name."""
    for name, (module, function) in COMMANDS.items():
        if (ROOT / Path(*module.split("."))).with_suffix(".py").exists():
            app.command(name)(getattr(import_module(module), function))
    for name in service_names():
        if (ROOT / "services" / name / "cli.py").exists():
            app.add_typer(import_module(f"services.{name}.cli").app, name=name)


@app.command("health")
def check_health() -> None:
    """Ask every service in <SERVICE>_TARGET and the gateway at PUBLIC_URL how it is; ends with 1 unless all serve."""
    found = run(_health())
    if not found:
        refuse("neither PUBLIC_URL nor any <SERVICE>_TARGET is set")
    for name, state in found:
        typer.echo(f"{name:<12} {state}")
    if any(state != "SERVING" for _, state in found):
        raise typer.Exit(1)


async def _health() -> list[tuple[str, str]]:
    targets = [(name, os.environ.get(f"{name.upper()}_TARGET")) for name in ORDER]
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


def main() -> None:
    """Runs one command. What it answers goes to stdout, what the libraries log on the way to stderr."""
    log.configure("mizan", level=os.environ.get("LOG_LEVEL", "INFO"), stream=sys.stderr)
    mount()
    app()


if __name__ == "__main__":
    main()
