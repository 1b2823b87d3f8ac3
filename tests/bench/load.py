"""A load generator that costs little itself: keep-alive connections over bare sockets, in a process of its own.

`python -m tests.bench.load` reads a job as JSON from standard input and writes the result as JSON. Each connection
sends the next request when it has the answer to the last, so as many requests are under way as there are connections.
"""

import json
import select
import socket
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass

SILENCE_SECONDS = 15.0
CHUNK = 65_536


class Unanswered(RuntimeError):
    """The server closed a connection, said nothing for too long, or answered with something else than HTTP."""


@dataclass(frozen=True)
class Job:
    """What to send: the requests in turn, over so many connections, until the time is over."""

    port: int
    requests: list[str]
    connections: int
    seconds: float


@dataclass(frozen=True)
class Result:
    """What came back: answers by status, and how long they took in milliseconds."""

    answers: dict[str, int]
    seconds: float
    p50_ms: float
    p99_ms: float
    client_cpu_seconds: float

    @property
    def count(self) -> int:
        """All answers."""
        return sum(self.answers.values())

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.count / self.seconds


def status_of(answer: bytes) -> str:
    """The status of a complete answer, empty while it is incomplete. Raises Unanswered when its length is not told."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return ""
    head = answer[:end].lower()
    at = head.find(b"\r\ncontent-length:")
    if at < 0:
        if head[9:12] == b"204":
            return "204"
        raise Unanswered(f"no content-length: {head.decode(errors='replace')}")
    line_end = head.find(b"\r\n", at + 2)
    length = int(head[at + 17 : line_end if line_end > 0 else end])
    return head[9:12].decode() if len(answer) >= end + 4 + length else ""


def percentile(ordered: list[float], share: float) -> float:
    """The value below which that share of an ordered list lies."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def run(job: Job) -> Result:
    """Sends until the time is over and waits for the last answers. Raises Unanswered or OSError."""
    requests = [request.encode() for request in job.requests]
    poll = select.epoll()
    connections: dict[int, socket.socket] = {}
    upcoming: dict[int, int] = {}
    sent_at: dict[int, float] = {}
    partial: dict[int, bytes] = {}
    for number in range(job.connections):
        connection = socket.create_connection(("127.0.0.1", job.port), SILENCE_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(0)
        connections[connection.fileno()] = connection
        upcoming[connection.fileno()] = number
        poll.register(connection.fileno(), select.EPOLLIN)

    answers: Counter[str] = Counter()
    times: list[float] = []
    clock = time.perf_counter
    cpu = time.process_time()
    started = clock()
    end = started + job.seconds

    def send(number: int) -> None:
        index = upcoming[number]
        upcoming[number] = index + job.connections
        sent_at[number] = clock()
        connections[number].sendall(requests[index % len(requests)])

    for number in connections:
        send(number)
    while sent_at:
        ready = poll.poll(SILENCE_SECONDS)
        if not ready:
            raise Unanswered(f"no answer within {SILENCE_SECONDS:.0f} s")
        for number, _ in ready:
            received = connections[number].recv(CHUNK)
            if not received:
                raise Unanswered("the server closed the connection")
            answer = partial.pop(number, b"") + received
            status = status_of(answer)
            if not status:
                partial[number] = answer
                continue
            now = clock()
            times.append(now - sent_at.pop(number))
            answers[status] += 1
            if now < end:
                send(number)
    seconds = clock() - started
    cpu = time.process_time() - cpu
    for connection in connections.values():
        connection.close()
    times.sort()
    return Result(dict(answers), seconds, percentile(times, 0.5) * 1000, percentile(times, 0.99) * 1000, cpu)


def main() -> None:
    """Reads the job, runs it, writes the result."""
    sys.stdout.write(json.dumps(asdict(run(Job(**json.load(sys.stdin))))))


if __name__ == "__main__":
    main()
