"""The whole platform in containers, as `make compose-test` tries it."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import stamina

from deploy.compose.environment import environment
from deploy.docker.component import COMPONENTS
from tools.images import image_name, require_current, size_of
from tools.installation import GATEWAY, Site
from tools.services import ORDER, ROOT
from tools.stack import ServerError, free_port
from tools.stack.processes import LOOPBACK, write_secret

FOLDER = ROOT / "deploy" / "compose"
# As many as the chart has at least: while one is replaced, there is always one whose address callers know.
REPLICAS = 2
START_SECONDS = 900
FRONTEND_URL = "http://127.0.0.1:8081"
# The tests' requests come from the engine's bridge and say on whose behalf.
TRUSTED = ["172.16.0.0/12", "192.168.0.0/16", "10.0.0.0/8"]


@dataclass(frozen=True)
class EmptyServer:
    """A PostgreSQL without databases: its name beside the containers, and its superuser's URL from outside."""

    name: str
    outside: str


class Composition:
    """One project of containers. Raises ServerError when a command of the engine fails."""

    def __init__(self, folder: Path) -> None:
        self.project = f"mizan-test-{uuid4().hex[:8]}"
        self._folder = folder
        self._file = folder / "compose.env"
        gateway = free_port()
        ports = {name: free_port() for name in ("POSTGRES_PORT", "NATS_PORT", "MAILBOX_PORT", "STRIPE_PORT")}
        self.settings = {
            **environment(),
            **{name: str(port) for name, port in ports.items()},
            "COMPOSE_PROJECT_NAME": self.project,
            "GATEWAY_PORTS": f"{gateway}-{gateway + REPLICAS - 1}",
            "PUBLIC_URL": f"http://{LOOPBACK}:{gateway}",
            "FRONTEND_URL": FRONTEND_URL,
            "GATEWAY_TRUSTED_PROXIES": json.dumps(TRUSTED),
            "GATEWAY_LIMIT_ADDRESS": "1000000/minute",
            "GATEWAY_LIMIT_ACCOUNT": "1000000/minute",
            "GATEWAY_LIMIT_CREDENTIALS": "1000000/minute",
            "PREFIX": os.environ.get("PREFIX", "mizan"),
            "TAG": os.environ.get("TAG", "0.1.0"),
        }
        write_secret(self._file, "".join(f"{name}={text}\n" for name, text in self.settings.items()))

    def up(self) -> None:
        """Starts everything and waits until each component says that it is ready."""
        scale = [part for name in (*ORDER, GATEWAY) for part in ("--scale", f"{name}={REPLICAS}")]
        self._compose("up", "--detach", *scale, timeout=START_SECONDS)
        for url in self.gateways().values():
            self.wait_ready(url)

    def down(self) -> None:
        """Removes the containers with their volumes."""
        self._compose("down", "--volumes", "--timeout", "30", timeout=START_SECONDS)
        if f"{self.project}_backups" in self.docker("volume", "ls", "--quiet").split():
            self.docker("volume", "rm", f"{self.project}_backups")

    def wait_ready(self, url: str) -> None:
        """Waits until a gateway is ready. Raises httpx.HTTPError."""
        for attempt in stamina.retry_context(on=httpx.HTTPError, attempts=None, timeout=300, wait_max=1.0):
            with attempt:
                httpx.get(f"{url}/readyz", timeout=5).raise_for_status()

    def containers_of(self, component: str) -> list[str]:
        """The ids of a component's containers."""
        return self._compose("ps", "--quiet", component).split()

    def gateways(self) -> dict[str, str]:
        """The gateways' containers and where each answers."""
        found = {}
        for container in self.containers_of(GATEWAY):
            template = '{{(index (index .NetworkSettings.Ports "8000/tcp") 0).HostPort}}'
            found[container] = f"http://{LOOPBACK}:{self.docker('inspect', '--format', template, container).strip()}"
        return found

    def metrics_of(self, container: str) -> str:
        """The metrics of a service's container."""
        ask = (
            "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/metrics/', timeout=5).read().decode())"
        )
        return self.docker("exec", container, "python", "-c", ask)

    def add_one(self, component: str) -> None:
        """Starts one more container of a component and waits until the engine finds it healthy."""
        before = self.containers_of(component)
        self._compose(
            "up", "--detach", "--no-deps", "--no-recreate", "--scale", f"{component}={len(before) + 1}", component
        )
        (new,) = set(self.containers_of(component)) - set(before)
        for attempt in stamina.retry_context(on=ServerError, attempts=None, timeout=300, wait_max=1.0):
            with attempt:
                state = self.docker("inspect", "--format", "{{.State.Health.Status}}", new).strip()
                if state != "healthy":
                    raise ServerError(f"{component} is {state}")

    def exit_status(self, container: str) -> int:
        """With which status a container has ended."""
        return int(self.docker("inspect", "--format", "{{.State.ExitCode}}", container))

    def operate(self, *command: str, server: str = "postgres") -> str:
        """What the operator's image says to a command, beside the other containers and with a volume for its files."""
        variables = [
            part
            for name, text in self.settings.items()
            if name.endswith("DATABASE_URL")
            for part in ("--env", f"{name}={text.replace('@postgres:', f'@{server}:')}")
        ]
        place = ("--network", f"{self.project}_default", "--volume", f"{self.project}_backups:/var/lib/mizan/files")
        locked = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL")  # noqa: S108 - inside the container
        return self.docker("run", "--rm", *locked, *place, *variables, image_name("operator"), *command, timeout=300)

    @contextmanager
    def empty_server(self) -> Iterator[EmptyServer]:
        """A second PostgreSQL beside the first."""
        name, port = f"{self.project}_empty", free_port()
        password = self.settings["POSTGRES_PASSWORD"]
        self.docker(
            "run",
            "--detach",
            *("--name", name, "--network", f"{self.project}_default", "--publish", f"{LOOPBACK}:{port}:5432"),
            *("--env", f"POSTGRES_PASSWORD={password}"),
            os.environ.get("POSTGRES_IMAGE", "postgres:18"),
        )
        try:
            url = f"postgresql://postgres:{password}@{LOOPBACK}:{port}/postgres"
            for attempt in stamina.retry_context(on=psycopg.OperationalError, attempts=None, timeout=120, wait_max=1.0):
                with attempt:
                    psycopg.connect(url, connect_timeout=5).close()
            yield EmptyServer(name, url)
        finally:
            self.docker("rm", "--force", "--volumes", name)

    def memory(self) -> dict[str, str]:
        """What each container holds now, as the engine counts it."""
        ids = self._compose("ps", "--quiet").split()
        lines = self.docker("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}", *ids).splitlines()
        return {line.split()[0].removeprefix(f"{self.project}_"): line.split()[1] for line in sorted(lines)}

    def docker(self, *arguments: str, timeout: float = 120) -> str:
        """What the engine's client prints."""
        return _run(["docker", *arguments], os.environ, timeout)

    def site(self) -> Site:
        """How it is reached from outside, as the tests of a whole installation want to know it."""
        outside = {
            name: text.replace("@postgres:5432", f"@{LOOPBACK}:{self.settings['POSTGRES_PORT']}")
            for name, text in self.settings.items()
            if name.endswith("DATABASE_URL")
        }
        keys = self._folder / "keys"
        if not keys.exists():
            (identity, *_) = self.containers_of("identity")
            self.docker("cp", f"{identity}:/var/lib/mizan/keys", str(keys))
        files = self._folder / "files"
        files.mkdir(exist_ok=True)
        url = self.settings["PUBLIC_URL"]
        given = {
            name: self.settings[name]
            for name in (
                "IDENTITY_PIN_PEPPER",
                "IDENTITY_ENCRYPTION_KEYS",
                "POS_ENCRYPTION_KEYS",
                "STRIPE_SECRET_KEY",
                "STRIPE_WEBHOOK_SECRET",
            )
        }
        return Site(
            url=url,
            mailbox_url=f"http://{LOOPBACK}:{self.settings['MAILBOX_PORT']}",
            metrics_url="",
            health_urls={},
            environment={
                **outside,
                **given,
                "PUBLIC_URL": url,
                "FRONTEND_URL": FRONTEND_URL,
                "NATS_URL": f"nats://{LOOPBACK}:{self.settings['NATS_PORT']}",
                "REDIS_URL": f"redis://{LOOPBACK}:9",
                "SMTP_URL": f"smtp://{LOOPBACK}:9",
                "FILES_URL": files.as_uri(),
                "INTERNAL_KEYS_DIR": str(keys / "internal"),
                "IDENTITY_JWT_KEYS_DIR": str(keys / "jwt"),
                "BILLING_STRIPE_API_URL": f"http://{LOOPBACK}:{self.settings['STRIPE_PORT']}",
            },
        )

    def _compose(self, *arguments: str, timeout: float = 120) -> str:
        files = ("--file", str(FOLDER / "compose.yaml"), "--file", str(FOLDER / "compose.test.yaml"))
        project = ("--project-name", self.project, "--env-file", str(self._file))
        return _run([*compose_command(), *project, *files, *arguments], os.environ, timeout)


def compose_command() -> list[str]:
    """The engine's own `docker compose`, or the older program of that name. Raises ServerError for neither."""
    done = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if done.returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    raise ServerError("neither `docker compose` nor docker-compose is there")


def _run(command: list[str], env: Mapping[str, str], timeout: float) -> str:
    done = subprocess.run(command, env=dict(env), capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode:
        raise ServerError(f"{' '.join(command[:3])} ... {command[-1]}: {done.stderr[-3000:]}")
    return done.stdout


@contextmanager
def composition(folder: Path) -> Iterator[Composition]:
    """Containers that run while the context lasts. Raises OutdatedImage when images are of another commit."""
    require_current()
    made = Composition(folder)
    try:
        made.up()
        yield made
    finally:
        made.down()


def figures(running: Composition) -> tuple[dict[str, int], dict[str, str]]:
    """The size of each image in megabytes, and the memory of each container."""
    sizes = {image_name(component): round(size_of(component) / 1e6) for component in COMPONENTS}
    return sizes, running.memory()
