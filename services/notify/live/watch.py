"""Whether the people behind the sockets still are who they were."""

from servicekit.errors import Refusal, Unauthenticated
from services.notify.live.connection import BAD_TOKEN, TRY_LATER, Connection
from services.notify.live.door import Door
from services.notify.live.hub import Hub
from services.notify.live.topics import Viewer


class Watch:
    """Asks identity again about those who are connected.

    `revocations` counts what was revoked: one that arrives while a session is being asked about makes the answer old.
    """

    def __init__(self, hub: Hub, door: Door) -> None:
        self._hub = hub
        self._door = door
        self.revocations = 0

    async def check(self, connection: Connection) -> None:
        """Closes a connection whose session is over, and gives the others the rights that their people have now."""
        viewer = connection.viewer
        if viewer is None:
            return
        try:
            renewed = Viewer.of(await self._door.session(viewer.session_id))
        except Unauthenticated as refusal:
            connection.close(BAD_TOKEN, refusal.message)
            return
        except Refusal:
            # What cannot be checked is not shown; the client comes back and is checked then.
            connection.close(TRY_LATER, "the session could not be checked")
            return
        if connection.viewer is None or renewed == connection.viewer:
            return
        if (renewed.user_id, renewed.restaurant_id) != (viewer.user_id, viewer.restaurant_id):
            connection.close(BAD_TOKEN, "the session has changed")
        else:
            self._hub.renew(connection, renewed)
