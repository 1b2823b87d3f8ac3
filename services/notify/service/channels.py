"""What is set up of the channels."""

from datetime import timedelta

from mizan.notify.v1 import channel_pb2 as pb
from servicekit.call import Call
from servicekit.clock import Clock
from services.notify.domain.configured import Configured
from services.notify.queries import channels as queries

LATELY = timedelta(days=1)


class ChannelService:
    """Implements mizan.notify.v1.ChannelService."""

    def __init__(self, clock: Clock, configured: Configured) -> None:
        self._clock = clock
        self._configured = configured

    async def CheckChannels(self, _request: pb.CheckChannelsRequest, call: Call) -> pb.CheckChannelsResponse:
        counts = await queries.counts(call.read(), call.principal.tenant, self._clock.now() - LATELY)
        return pb.CheckChannelsResponse(
            success=True,
            checks=pb.ChannelChecks(
                email_configured=self._configured.email,
                firebase_initialized=self._configured.push,
                whatsapp_configured=self._configured.whatsapp,
                whatsapp_webhook_configured=self._configured.webhook,
                twilio_configured=False,
                device_tokens_count=counts.device_tokens,
                announcement_disabled_count=counts.announcements_off,
                failed_deliveries_count=counts.failed,
                pending_deliveries_count=counts.pending,
            ),
        )
