"""A whole Mizan on this machine: `python -m tools.dev --port 8000 --data .data` (make run).

Boots the servers, migrates, starts the mailbox, the services and the gateway as processes, seeds the demo restaurant,
and runs until Ctrl-C or until a process dies. `--drop-data` removes what earlier runs left.
"""

import argparse
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from tools.installation import Installation
from tools.services import ROOT
from tools.stack import ServerError
from tools.stack.processes import LOOPBACK
from tools.stack.stack import WheelStack
from tools.supervisor import ProcessDied

SEED_TIMEOUT = 300


def require_free(port: int) -> None:
    """Exit with a clear message when somebody listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            sys.exit(f"run: port {port} is not free ({error.strerror}); choose another: make run PORT={port + 1}")


def seed(environment: Mapping[str, str], log: Path) -> str:
    """Fill the demo restaurant and return what there is to say about it; raises ServerError when that fails."""
    if find_spec("tools.seed") is None:
        return ""
    with log.open("ab") as errors:
        answer = subprocess.run(
            [sys.executable, "-m", "tools.seed"],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            timeout=SEED_TIMEOUT,
            check=False,
        )
    if answer.returncode != 0:
        raise ServerError(f"seeding ended with status {answer.returncode}:\n{log.read_text()[-4000:]}")
    return answer.stdout.decode().strip()


def say_ready(installation: Installation, accounts: str, seconds: float) -> None:
    """Tell people where everything is."""
    site = installation.site
    print(
        f"\nMizan is ready ({seconds:.1f} s).\n\n"
        f"  API         {site.url}/api/\n"
        f"  Swagger UI  {site.url}/api/swagger-ui/\n"
        f"  mailbox     {site.mailbox_url}\n"
        f"  metrics     {site.metrics_url}\n"
        f"  logs        {installation.logs}\n"
        f"  agent key   GATEWAY_AGENT_KEY in {installation.environment_file}\n"
        f"  operate it  . {installation.environment_file} && .venv/bin/mizan --help\n"
        f"\n{accounts}\n\nCtrl-C stops everything.",
        flush=True,
    )


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM and SIGINT end the run as Ctrl-C does."""
    raise KeyboardInterrupt


def run(folder: Path, port: int) -> int:
    """Run until Ctrl-C, SIGTERM or the death of a process; returns the exit status."""
    begun = time.monotonic()
    require_free(port)
    # Also where whoever started this in the background had SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    stack = WheelStack(folder)
    installation = Installation(folder, stack, port=port)
    status = 0
    try:
        installation.start(lambda service: print(f"run: migrated {service}", flush=True))
        accounts = seed(installation.site.environment, installation.logs / "seed.log")
        say_ready(installation, accounts, time.monotonic() - begun)
        installation.supervisor.wait_for_death(stack.children)
    except KeyboardInterrupt:
        print("\nrun: stopping", flush=True)
    except (ServerError, ProcessDied, subprocess.TimeoutExpired) as error:
        print(f"run: {error}", file=sys.stderr, flush=True)
        status = 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        complaints = installation.stop()
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
