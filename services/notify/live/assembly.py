"""The parts of live delivery, wired to each other and to the service that they belong to."""

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from websockets.typing import Origin

from credentials import KeySet, Revocations
from servicekit.runtime import Core, Part
from services.notify.live.actions import Actions
from services.notify.live.backlog import Backlog
from services.notify.live.catch_up import CatchUp
from services.notify.live.dialogue import Dialogue
from services.notify.live.door import Door
from services.notify.live.feed import Feed
from services.notify.live.hub import Hub
from services.notify.live.messages import SUBJECTS
from services.notify.live.neighbours import Neighbours
from services.notify.live.server import LiveServer
from services.notify.live.watch import Watch
from services.notify.settings import Settings

KEYS_REFETCH_SECONDS = 5.0


def live_parts(core: Core, settings: Settings) -> Sequence[Part]:
    """The parts in the order in which they start; the server comes last, so that it is drained first."""
    neighbours = Neighbours(settings.identity_target, settings.pos_target, core.minter)
    door = Door(neighbours, KeySet(neighbours.jwks, refetch_seconds=KEYS_REFETCH_SECONDS))
    hub = Hub(Backlog(settings.live_backlog_bytes))
    feed = Feed(core.broker, SUBJECTS, hub, history=timedelta(minutes=settings.live_history_minutes))
    watch = Watch(hub, door)
    catch_up = CatchUp(hub, feed, watch, core.database)
    dialogue = Dialogue(hub, door, watch, catch_up, Actions(core.database, door, neighbours))
    server = LiveServer(
        hub,
        watch,
        catch_up,
        dialogue,
        host=settings.ws_host,
        port=settings.ws_port,
        origins=_origins(settings),
        max_connections=settings.ws_max_connections,
        drain_seconds=settings.drain_seconds,
    )
    revocations = LiveRevocations(settings.nats_url, server)
    server.is_current = lambda: revocations.is_healthy
    core.health.check("live", feed.ping, essential=False)
    return [neighbours, feed, revocations, server]


class LiveRevocations(Revocations):
    """Has the sockets checked whose sessions ended or whose people changed."""

    name = "live revocations"

    def __init__(self, nats_url: str, server: LiveServer) -> None:
        super().__init__("notify", nats_url, server)


def _origins(settings: Settings) -> list[Origin | None]:
    """From where browsers may connect: the front end's origin, the platform's own, and those that are added.

    None stands for clients that are no browsers.
    """
    known = map(urlsplit, (settings.frontend_url, settings.public_url, *settings.ws_origins))
    return [None, *(Origin(f"{url.scheme}://{url.netloc}") for url in known)]
