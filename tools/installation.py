"""A whole Mizan as processes of this machine, on loopback: servers, mailbox, Stripe, phones, services and gateway.

`make run` starts one for a person; tests that need everything share one per test run, and tests that kill processes and
the bench start their own. `python -m tools.installation FOLDER SOCKET` is the process behind a shared one.
"""

import json
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import Self

from servicekit import migrate
from tools.devkeys import DevKeys
from tools.phone_server.firebase import service_account
from tools.services import migrated_services, service_names
from tools.stack import Database, ServerError, Stack, free_port, make_stack
from tools.stack.processes import LOOPBACK, Spawner, write_secret
from tools.stack.share import serve, shared
from tools.supervisor import Supervisor, answers_ready

GATEWAY = "gateway"
MAILBOX = "mailbox"
STRIPE = "stripe"
PHONES = "phones"
SERVERS = ("postgres", "nats", "valkey")


@dataclass(frozen=True)
class Site:
    """How a running installation is reached; `environment` is what the operator's command is told of it."""

    url: str
    mailbox_url: str
    metrics_url: str
    health_urls: dict[str, str]
    environment: dict[str, str]

    def database_url(self, service: str) -> str:
        """A service's database as its owner, who is bound by row-level security as everybody is."""
        return self.environment[f"{service.upper()}_OWNER_DATABASE_URL"]


class Installation:
    """The servers and processes of one installation; a context manager that starts and stops them.

    `services` are all, or those that are named. `settings` are environment variables for every process, on top of those
    that tie the installation together. With several `replicas`, processes of a component are called by its name, as in
    pos, pos-2; each other component's calls are spread over them, and every gateway has a URL.
    """

    def __init__(
        self,
        folder: Path,
        stack: Stack,
        *,
        port: int | None = None,
        services: Sequence[str] | None = None,
        settings: Mapping[str, str] | None = None,
        replicas: int = 1,
    ) -> None:
        self.folder = folder.resolve()
        self.stack = stack
        self.port = port or free_port()
        self.services = [name for name in service_names() if services is None or name in services]
        self.databases: dict[str, Database] = {}
        self._settings = dict(settings or {})
        self._replicas = replicas
        self._grpc_ports = {replica: free_port() for name in self.services for replica in self.replicas_of(name)}
        self._http_ports = {replica: free_port() for replica in self._grpc_ports}
        first, *others = self.replicas_of(GATEWAY)
        self._gateway_ports = {first: self.port, **{other: free_port() for other in others}}
        self._metrics_port = free_port()
        self._smtp_port = free_port()
        self._mailbox_port = free_port()
        self._stripe_port = free_port()
        self._phones_port = free_port()
        self._ws_port = free_port()
        self._spawner = Spawner()
        self.supervisor = Supervisor(self.logs, self._spawner)

    @property
    def logs(self) -> Path:
        """The folder with a log file per process."""
        return self.folder / "logs"

    @property
    def environment_file(self) -> Path:
        """A shell script that exports what the operator's command needs; exists while the installation runs."""
        return self.folder / "env"

    @property
    def url(self) -> str:
        """Where the gateway answers."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def frontend_url(self) -> str:
        """Where links in mails lead, and whose scripts may call the API: by default the front end's own server."""
        return os.environ.get("FRONTEND_URL", "http://127.0.0.1:8081")

    @property
    def site(self) -> Site:
        """How it is reached, once it is started."""
        return Site(
            url=self.url,
            mailbox_url=f"http://{LOOPBACK}:{self._mailbox_port}",
            metrics_url=f"http://{LOOPBACK}:{self._metrics_port}/metrics",
            health_urls={name: f"http://{LOOPBACK}:{port}" for name, port in self._http_ports.items()},
            environment=self._operator_environment(),
        )

    def start(self, on_migrated: Callable[[str], object] = str) -> None:
        """Boot, migrate, start every process and wait for its health; is told which services were migrated.

        Raises ServerError when something does not come up; what was started until then is left for `stop`.
        """
        self.stack.start()
        self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._migrate(on_migrated)
        self._start_processes()

    def stop(self) -> list[str]:
        """Stop every process in good order, then the servers; returns what went wrong."""
        complaints = self.supervisor.stop()
        try:
            self.stack.stop()
        except ServerError as error:
            complaints.append(str(error))
        self._spawner.close()
        self.environment_file.unlink(missing_ok=True)
        return complaints

    def kill(self, name: str) -> None:
        """SIGKILL a service, the gateway or a server. Raises StackUnavailable where the server is somebody else's."""
        if name in SERVERS:
            self.stack.kill(name)
        else:
            self.supervisor.child(name).kill()

    def terminate(self, name: str) -> None:
        """Ask a service or the gateway to drain and end, and wait until it has. Raises ServerError if it does not."""
        self.supervisor.child(name).stop(signal.SIGTERM)

    def restart(self, name: str) -> None:
        """Start what has ended again, on its port and data, and wait until it says that it is ready."""
        if name in SERVERS:
            self.stack.restart(name)
        else:
            self.supervisor.restart(name)
            self.wait_ready(name)

    def replicas_of(self, component: str) -> list[str]:
        """The names of a component's processes."""
        return [component, *(f"{component}-{number}" for number in range(2, self._replicas + 1))]

    def url_of(self, gateway: str) -> str:
        """Where one of the gateways answers."""
        return f"http://{LOOPBACK}:{self._gateway_ports[gateway]}"

    def wait_ready(self, name: str) -> None:
        """Wait until a service or the gateway says that it is ready. Raises ServerError with the end of its log."""
        port = (self._gateway_ports | self._http_ports)[name]
        self.supervisor.child(name).wait_until(partial(answers_ready, port))

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        complaints = self.stop()
        if complaints and error is None:
            raise ServerError("\n".join(complaints))

    def _migrate(self, on_migrated: Callable[[str], object]) -> None:
        self.databases = {name: self.stack.create_database(name) for name in self.services}
        for name in migrated_services():
            if name in self.databases and migrate.upgrade(self.databases[name].owner_dsn, name):
                on_migrated(name)

    def _start_processes(self) -> None:
        shared_by_all = self._shared_environment()
        base = {**os.environ, "PYTHONUNBUFFERED": "1", **shared_by_all, **self._settings}
        exports = sorted(self._operator_environment().items())
        write_secret(self.environment_file, "".join(f"export {name}={shlex.quote(text)}\n" for name, text in exports))
        mailbox = [sys.executable, "-m", "tools.mailbox"]
        ports = ["--smtp-port", str(self._smtp_port), "--web-port", str(self._mailbox_port)]
        self.supervisor.start_group(
            {
                MAILBOX: ([*mailbox, *ports], base),
                STRIPE: (self._stripe_command(), base | self._stripe_environment()),
                PHONES: (self._phones_command(), base | self._phones_environment),
                **{
                    replica: (
                        [sys.executable, "-m", f"services.{name}"],
                        base | self._service_environment(name) | self._ports_of(name, replica) | self._settings,
                    )
                    for name in self.services
                    for replica in self.replicas_of(name)
                },
            }
        )
        gateway = base | self._gateway_environment() | self._settings
        self.supervisor.start_group(
            {
                name: ([sys.executable, "-m", GATEWAY], gateway | self._gateway_ports_of(name))
                for name in self._gateway_ports
            }
        )
        for name in (*self._http_ports, *self._gateway_ports):
            self.wait_ready(name)

    def _operator_environment(self) -> dict[str, str]:
        environment = self._shared_environment() | self._gateway_environment()
        for name, database in self.databases.items():
            environment |= self._service_environment(name)
            environment[f"{name.upper()}_OWNER_DATABASE_URL"] = database.owner_dsn
        return environment | self._settings

    def _shared_environment(self) -> dict[str, str]:
        """What every process is told."""
        keys, files = DevKeys(self.folder / "secrets"), self.folder / "files"
        keys.make_internal_keys([*self.services, GATEWAY])
        files.mkdir(mode=0o700, exist_ok=True)
        return {
            "NATS_URL": self.stack.nats_url,
            "REDIS_URL": self.stack.redis_url,
            "INTERNAL_KEYS_DIR": str(keys.internal_keys),
            "SMTP_URL": f"smtp://{LOOPBACK}:{self._smtp_port}",
            "MAILBOX_URL": f"http://{LOOPBACK}:{self._mailbox_port}",
            "FRONTEND_URL": self.frontend_url,
            "PUBLIC_URL": self.url,
            "FILES_URL": files.as_uri(),
            **{f"{name.upper()}_TARGET": self._target_of(name) for name in self.services},
        }

    def _service_environment(self, name: str) -> dict[str, str]:
        """What one service alone is told: its database as the application role, its ports, its secrets."""
        prefix = name.upper()
        environment = {f"{prefix}_DATABASE_URL": self.databases[name].app_dsn, **self._ports_of(name, name)}
        if name in ("billing", "pos"):
            environment |= self._stripe_environment()
        if name == "pos":
            keys = DevKeys(self.folder / "secrets")
            environment |= {
                "POS_ENCRYPTION_KEYS": keys.fernet_key("pos-encryption.key"),
                "SQUARE_WEBHOOK_SIGNATURE_KEY": keys.text("square.webhook"),
                "TOAST_WEBHOOK_SECRET": keys.text("toast.webhook"),
                "CLOVER_WEBHOOK_CODE": keys.text("clover.webhook"),
            }
        if name == "notify":
            environment["NOTIFY_WS_PORT"] = str(self._ws_port)
            environment |= self._phones_environment
        if name == "identity":
            keys = DevKeys(self.folder / "secrets")
            keys.make_jwt_key()
            environment |= {
                "IDENTITY_JWT_KEYS_DIR": str(keys.jwt_keys),
                "IDENTITY_PIN_PEPPER": keys.text("pin.pepper"),
                "IDENTITY_ENCRYPTION_KEYS": keys.fernet_key("encryption.key"),
            }
        return environment

    def _ports_of(self, name: str, replica: str) -> dict[str, str]:
        """What one process of a service is told beside the others."""
        prefix = name.upper()
        return {
            f"{prefix}_GRPC_PORT": str(self._grpc_ports[replica]),
            f"{prefix}_HTTP_PORT": str(self._http_ports[replica]),
        }

    def _target_of(self, name: str) -> str:
        """Where the processes of a service are called."""
        addresses = [f"{LOOPBACK}:{self._grpc_ports[replica]}" for replica in self.replicas_of(name)]
        return addresses[0] if len(addresses) == 1 else f"ipv4:{','.join(addresses)}"

    def _gateway_ports_of(self, name: str) -> dict[str, str]:
        """What one gateway is told beside the others."""
        metrics = self._metrics_port if name == GATEWAY else free_port()
        return {"GATEWAY_PORT": str(self._gateway_ports[name]), "GATEWAY_METRICS_PORT": str(metrics)}

    def _stripe_command(self) -> list[str]:
        command = [sys.executable, "-m", "tools.stripe_server", "--port", str(self._stripe_port)]
        command += ["--webhook-url", f"{self.url}/api/billing/webhook/"]
        return [*command, "--payment-webhook-url", f"{self.url}/api/pos/webhooks/stripe/"]

    def _stripe_environment(self) -> dict[str, str]:
        """What billing, pos and the local Stripe are all told."""
        keys = DevKeys(self.folder / "secrets")
        return {
            "BILLING_STRIPE_API_URL": f"http://{LOOPBACK}:{self._stripe_port}",
            "POS_STRIPE_API_URL": f"http://{LOOPBACK}:{self._stripe_port}",
            "POS_STRIPE_WEBHOOK_SECRET": f"whsec_{keys.text('stripe.payment-webhook')}",
            "STRIPE_SECRET_KEY": f"sk_test_{keys.text('stripe.key')}",
            "STRIPE_WEBHOOK_SECRET": f"whsec_{keys.text('stripe.webhook')}",
        }

    def _phones_command(self) -> list[str]:
        webhook = f"{self.url}/api/notifications/whatsapp/webhook/"
        return [sys.executable, "-m", "tools.phone_server", "--port", str(self._phones_port), "--webhook-url", webhook]

    @cached_property
    def _phones_environment(self) -> dict[str, str]:
        """What notify and the local phones are both told."""
        keys = DevKeys(self.folder / "secrets")
        url = f"http://{LOOPBACK}:{self._phones_port}"
        return {
            "NOTIFY_WHATSAPP_URL": url,
            "NOTIFY_FCM_URL": url,
            "WHATSAPP_PHONE_NUMBER_ID": "100000000000001",
            "WHATSAPP_ACCESS_TOKEN": keys.text("whatsapp.token"),
            "WHATSAPP_APP_SECRET": keys.text("whatsapp.app-secret"),
            "WHATSAPP_VERIFY_TOKEN": keys.text("whatsapp.verify-token"),
            "FIREBASE_SERVICE_ACCOUNT_KEY": service_account(url),
            "LUA_USER_AUTHENTICATION_WEBHOOK": f"{url}/agent/user-authenticated",
            "LUA_USER_EVENTS_WEBHOOK": f"{url}/agent/user-events",
            "LUA_API_KEY": keys.text("agent.api-key"),
            "LUA_WEBHOOK_API_KEY": keys.text("agent.webhook-key"),
            "NOTIFY_AGENT_WEBHOOK_SECRET": f"whsec_{keys.signing_key('agent.webhook')}",
        }

    def _gateway_environment(self) -> dict[str, str]:
        """What the gateway alone is told."""
        return {
            "GATEWAY_PORT": str(self.port),
            "GATEWAY_METRICS_PORT": str(self._metrics_port),
            "IDENTITY_HTTP_URL": f"http://{LOOPBACK}:{self._http_ports['identity']}",
            "GATEWAY_CORS_ORIGINS": json.dumps([self.frontend_url]),
            "GATEWAY_AGENT_KEY": DevKeys(self.folder / "secrets").text("agent.platform-key"),
            **({"NOTIFY_WS_URL": f"ws://{LOOPBACK}:{self._ws_port}"} if "notify" in self.services else {}),
        }


@contextmanager
def shared_installation(run_folder: Path) -> Iterator[Site]:
    """The installation that all processes of a test run share, which the first one starts.

    Tests stand for many people, so the gateway believes their X-Forwarded-For. Raises ServerError when it does not come
    up.
    """
    with shared(run_folder, "installation", "tools.installation") as greeting:
        yield Site(**greeting)


def main(folder: Path, address: Path) -> None:
    """Start an installation for tests, serve it, and remove what it left on disk."""
    settings = {
        "GATEWAY_TRUSTED_PROXIES": json.dumps([f"{LOOPBACK}/32"]),
        # Tests that try every operation in the name of one person would otherwise meet the limits of one account.
        "GATEWAY_LIMIT_ACCOUNT": "1000000/minute",
        "GATEWAY_LIMIT_RESTAURANT": "1000000/minute",
    }
    with Installation(folder, make_stack(folder, durable=False), settings=settings) as installation:
        serve(asdict(installation.site), installation.stop, address)
    shutil.rmtree(address.parent)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
