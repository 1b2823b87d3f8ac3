"""What the servers of the stack have in common."""

import signal
import time
from abc import ABC, abstractmethod
from pathlib import Path

from tools.stack.processes import START_TIMEOUT, Child, ServerError, Spawner, free_port


class Server(ABC):
    """One server of the stack, with its folder, its port and its process."""

    name: str
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path, log: Path, spawner: Spawner, port: int | None = None) -> None:
        self.folder = folder
        self.log = log
        self.port = port or free_port()
        self.child: Child | None = None
        self._spawner = spawner
        self._may_move = port is None

    @abstractmethod
    def prepare(self) -> None:
        """Make the files that the server needs; called before every launch."""

    @abstractmethod
    def command(self) -> list[str | Path]:
        """The command line."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether the server answers."""

    def privileges(self) -> list[str]:
        """Arguments of setpriv(1) that change what the process may do."""
        return []

    def may_retry(self, failure: str) -> bool:
        """Whether a start that failed may succeed when tried again; a free port that somebody else took is changed."""
        if "address already in use" in failure.lower() and self._may_move:
            self.port = free_port()
            return True
        return False

    def launch(self) -> None:
        """Start the process without waiting for it to be ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.prepare()
        self.child = self._spawner.spawn(
            self.name, self.command(), self.log, death_signal=self.stop_signal, privileges=self.privileges()
        )

    def wait_ready(self) -> None:
        """Wait until the launched server answers; raises ServerError when it does not."""
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            child = self._running()
            try:
                child.wait_until(self.is_ready)
            except ServerError as error:
                if child.status is None or time.monotonic() > deadline or not self.may_retry(str(error)):
                    raise
                self.launch()
            else:
                self._may_move = False
                return

    def stop(self) -> None:
        """Stop in good order, if it runs; raises ServerError when the server had to be killed."""
        child, self.child = self.child, None
        if child is not None:
            child.stop(self.stop_signal)

    def kill(self) -> None:
        """SIGKILL, as a crash would; raises ServerError when the server does not run."""
        self._running().kill()

    def restart(self) -> None:
        """Start again on the same port and data, after a kill or a stop."""
        self.stop()
        self.launch()
        self.wait_ready()

    def _running(self) -> Child:
        if self.child is None:
            raise ServerError(f"{self.name} does not run")
        return self.child
