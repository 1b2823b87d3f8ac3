"""A whole Mizan on this machine: `python -m tools.dev --port 8000 --data .data` (make run).

Boots the servers, migrates, starts the mailbox, the services and the gateway as processes, seeds the demo restaurant,
and runs until Ctrl-C or until a process dies. `--drop-data` removes what earlier runs left.
"""

import argparse
import fcntl
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from servicekit import migrate
from tools.devkeys import DevKeys
from tools.services import ROOT, migrated_services, service_names
from tools.stack import Database, ServerError, free_port
from tools.stack.processes import LOOPBACK, Spawner, write_secret
from tools.stack.stack import WheelStack
from tools.supervisor import ProcessDied, Supervisor, answers_ready

SEED_TIMEOUT = 300
GATEWAY = "gateway"


class Installation:
    """The ports, secrets and environment of one development installation."""

    def __init__(self, folder: Path, port: int, stack: WheelStack) -> None:
        self.folder = folder
        self.port = port
        self.stack = stack
        self.services = service_names()
        self.grpc_ports = {name: free_port() for name in self.services}
        self.http_ports = {name: free_port() for name in self.services}
        self.metrics_port = free_port()
        self.smtp_port = free_port()
        self.mailbox_port = free_port()
        # Where the front end's development server listens, unless the environment says otherwise.
        self.frontend_url = os.environ.get("FRONTEND_URL", "http://127.0.0.1:8081")
        self.keys = DevKeys(folder / "secrets")
        self.files = folder / "files"
        self.files.mkdir(mode=0o700, exist_ok=True)

    @property
    def url(self) -> str:
        """Where the gateway answers."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def mailbox_url(self) -> str:
        """Where the mail can be read."""
        return f"http://{LOOPBACK}:{self.mailbox_port}"

    def shared_environment(self) -> dict[str, str]:
        """What every process is told."""
        self.keys.make_internal_keys([*self.services, GATEWAY])
        return {
            "NATS_URL": self.stack.nats_url,
            "REDIS_URL": self.stack.redis_url,
            "INTERNAL_KEYS_DIR": str(self.keys.internal_keys),
            "SMTP_URL": f"smtp://{LOOPBACK}:{self.smtp_port}",
            "MAILBOX_URL": self.mailbox_url,
            "FRONTEND_URL": self.frontend_url,
            "PUBLIC_URL": self.url,
            "FILES_URL": self.files.as_uri(),
            **{f"{name.upper()}_TARGET": f"{LOOPBACK}:{port}" for name, port in self.grpc_ports.items()},
        }

    def service_environment(self, name: str, database: Database) -> dict[str, str]:
        """What one service alone is told: its database as the application role, its ports, its secrets."""
        prefix = name.upper()
        environment = {
            f"{prefix}_DATABASE_URL": database.app_dsn,
            f"{prefix}_GRPC_PORT": str(self.grpc_ports[name]),
            f"{prefix}_HTTP_PORT": str(self.http_ports[name]),
        }
        if name == "identity":
            self.keys.make_jwt_key()
            environment |= {
                "IDENTITY_JWT_KEYS_DIR": str(self.keys.jwt_keys),
                "IDENTITY_PIN_PEPPER": self.keys.text("pin.pepper"),
                "IDENTITY_ENCRYPTION_KEYS": self.keys.fernet_key("encryption.key"),
            }
        return environment

    def gateway_environment(self) -> dict[str, str]:
        """What the gateway alone is told."""
        return {
            "GATEWAY_PORT": str(self.port),
            "GATEWAY_METRICS_PORT": str(self.metrics_port),
            "GATEWAY_CORS_ORIGINS": json.dumps([self.frontend_url]),
        }


def require_free(port: int) -> None:
    """Exit with a clear message when somebody listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            sys.exit(f"run: port {port} is not free ({error.strerror}); choose another: make run PORT={port + 1}")


def migrate_all(stack: WheelStack, services: list[str]) -> dict[str, Database]:
    """The databases of the services, made where missing and at the newest revision."""
    databases = {name: stack.create_database(name) for name in services}
    for name in migrated_services():
        if migrate.upgrade(databases[name].owner_dsn, name):
            print(f"run: migrated {name}", flush=True)
    return databases


def seed(environment: Mapping[str, str], log: Path) -> str:
    """Fill the demo restaurant and return what there is to say about it; raises ServerError when that fails."""
    if find_spec("tools.seed") is None:
        return ""
    with log.open("ab") as errors:
        answer = subprocess.run(
            [sys.executable, "-m", "tools.seed"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            timeout=SEED_TIMEOUT,
            check=False,
        )
    if answer.returncode != 0:
        raise ServerError(f"seeding ended with status {answer.returncode}:\n{log.read_text()[-4000:]}")
    return answer.stdout.decode().strip()


def start_everything(installation: Installation, supervisor: Supervisor) -> str:
    """Migrate, start all processes, wait for their health, seed; returns what the seed says."""
    databases = migrate_all(installation.stack, installation.services)
    shared = installation.shared_environment()
    base = {**os.environ, "PYTHONUNBUFFERED": "1", **shared}
    own = {name: installation.service_environment(name, databases[name]) for name in installation.services}
    operator = {f"{name.upper()}_OWNER_DATABASE_URL": one.owner_dsn for name, one in databases.items()}
    for environment in (shared, *own.values(), installation.gateway_environment()):
        operator |= environment
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in sorted(operator.items())]
    write_secret(installation.folder / "env", "".join(lines))

    mailbox = [sys.executable, "-m", "tools.mailbox"]
    ports = ["--smtp-port", str(installation.smtp_port), "--web-port", str(installation.mailbox_port)]
    commands = {name: ([sys.executable, "-m", f"services.{name}"], base | own[name]) for name in installation.services}
    services = supervisor.start_group({"mailbox": ([*mailbox, *ports], base), **commands})
    health = {**installation.http_ports, GATEWAY: installation.port}
    if find_spec("gateway.__main__") is not None:
        gateway = ([sys.executable, "-m", GATEWAY], base | installation.gateway_environment())
        services |= supervisor.start_group({GATEWAY: gateway})
    for name, child in services.items():
        if name in health:
            child.wait_until(partial(answers_ready, health[name]))
    return seed(base | operator, installation.folder / "logs" / "seed.log")


def say_ready(installation: Installation, accounts: str, seconds: float) -> None:
    """Tell people where everything is."""
    logs, environment = installation.folder / "logs", installation.folder / "env"
    print(
        f"\nMizan is ready ({seconds:.1f} s).\n\n"
        f"  API         {installation.url}/api/\n"
        f"  Swagger UI  {installation.url}/api/swagger-ui/\n"
        f"  mailbox     {installation.mailbox_url}\n"
        f"  metrics     http://{LOOPBACK}:{installation.metrics_port}/metrics\n"
        f"  logs        {logs}\n"
        f"  operate it  . {environment} && .venv/bin/mizan --help\n"
        f"\n{accounts}\n\nCtrl-C stops everything.",
        flush=True,
    )


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends the run as Ctrl-C does."""
    raise KeyboardInterrupt


def run(folder: Path, port: int) -> int:
    """Run until Ctrl-C, SIGTERM or the death of a process; returns the exit status."""
    begun = time.monotonic()
    require_free(port)
    signal.signal(signal.SIGTERM, interrupt)
    spawner = Spawner()
    stack = WheelStack(folder)
    supervisor = Supervisor(stack.folder / "logs", spawner)
    status = 0
    try:
        stack.start()
        installation = Installation(stack.folder, port, stack)
        accounts = start_everything(installation, supervisor)
        say_ready(installation, accounts, time.monotonic() - begun)
        supervisor.wait_for_death(stack.children)
    except KeyboardInterrupt:
        print("\nrun: stopping", flush=True)
    except (ServerError, ProcessDied, subprocess.TimeoutExpired) as error:
        print(f"run: {error}", file=sys.stderr, flush=True)
        status = 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        complaints = supervisor.stop()
        try:
            stack.stop()
        except ServerError as error:
            complaints.append(str(error))
        spawner.close()
        (stack.folder / "env").unlink(missing_ok=True)
    for complaint in complaints:
        print(f"run: {complaint}", file=sys.stderr, flush=True)
    return 1 if complaints else status


def drop_data(folder: Path) -> None:
    """Remove the data of earlier runs; exits with a message while one is running."""
    if not (folder / "lock").exists():
        print(f"nothing to drop in {folder}")
        return
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"{folder} is in use; stop `make run` first")
        shutil.rmtree(folder)
    print(f"dropped {folder}")


def main() -> None:
    """Read the command line and run."""
    options = argparse.ArgumentParser(description="Runs a whole Mizan on this machine.")
    options.add_argument("--port", type=int, default=8000, help="where the gateway listens")
    options.add_argument("--data", type=Path, default=Path(".data"), help="the folder for databases, files and logs")
    options.add_argument("--drop-data", action="store_true", help="remove what earlier runs left in the folder")
    chosen = options.parse_args()
    if chosen.drop_data:
        drop_data(chosen.data)
    else:
        sys.exit(run(chosen.data, chosen.port))


if __name__ == "__main__":
    main()
