"""Notify's composition root: the only place where its parts are wired."""

from mizan.notify.v1 import (
    alert_pb2,
    announcement_pb2,
    channel_pb2,
    chat_pb2,
    device_token_pb2,
    notification_pb2,
    preference_pb2,
    shift_message_pb2,
    whatsapp_pb2,
)
from servicekit.clock import Clock, SystemClock
from servicekit.files import Files
from servicekit.links import FileLinks
from servicekit.mail import MailServer
from servicekit.runtime import Core, Service
from services.notify.briefing import Briefing
from services.notify.clients.agent import Agent, AgentAddress
from services.notify.clients.neighbours import Neighbours
from services.notify.clients.push import Push
from services.notify.clients.whatsapp import WhatsApp
from services.notify.conversation.desk import Desk
from services.notify.conversation.dialogue import Dialogue
from services.notify.conversation.worker import Conversations, PhotoAlbum
from services.notify.jobs import Announcing, Sending, Upkeep
from services.notify.live.assembly import live_parts
from services.notify.projections import subscriptions
from services.notify.sending import Manner, Sender
from services.notify.service.alerts import AlertService
from services.notify.service.announcements import AnnouncementService
from services.notify.service.channels import ChannelService
from services.notify.service.chat import ChatService
from services.notify.service.devices import DeviceTokenService
from services.notify.service.notifications import NotificationService
from services.notify.service.preferences import PreferenceService
from services.notify.service.shift_messages import ShiftMessageService
from services.notify.service.whatsapp import WebhookSecrets, WhatsAppService
from services.notify.settings import Settings

PERMISSIONS = ("access.invitation_links", "access.resolve")


def build(settings: Settings, clock: Clock | None = None) -> Service:
    """The whole service, connected to nothing yet."""
    clock = clock or SystemClock()
    core = Core.of("notify", settings, permissions=PERMISSIONS)
    files = Files.from_url(settings.files_url)
    core.health.check("files", files.ping, essential=False)
    links = FileLinks.from_folder("notify", settings.internal_keys_dir, clock, public_url=settings.public_url)
    neighbours = Neighbours(
        core.minter,
        core.itself,
        identity=settings.identity_target,
        scheduling=settings.scheduling_target,
        timeclock=settings.timeclock_target,
    )
    whatsapp, push, agent = whatsapp_of(settings), push_of(settings), agent_of(settings)
    briefing = Briefing(core.database, neighbours, agent, settings.whatsapp_country_code)
    sender = Sender(core.database, whatsapp, push, mail_of(settings), neighbours, briefing, manner_of(settings))
    desk = Desk(neighbours)
    dialogue = Dialogue(desk, PhotoAlbum(whatsapp, files, settings.public_url))
    conversations = Conversations(core.database, desk, dialogue, clock, settings.remembered)
    return core.service(
        [
            (preference_pb2.DESCRIPTOR.services_by_name["PreferenceService"], PreferenceService()),
            (
                notification_pb2.DESCRIPTOR.services_by_name["NotificationService"],
                NotificationService(clock, links),
            ),
            (shift_message_pb2.DESCRIPTOR.services_by_name["ShiftMessageService"], ShiftMessageService(clock)),
            (device_token_pb2.DESCRIPTOR.services_by_name["DeviceTokenService"], DeviceTokenService(clock)),
            (alert_pb2.DESCRIPTOR.services_by_name["AlertService"], AlertService(clock)),
            (
                announcement_pb2.DESCRIPTOR.services_by_name["AnnouncementService"],
                AnnouncementService(core.database, files, clock, links),
            ),
            (
                channel_pb2.DESCRIPTOR.services_by_name["ChannelService"],
                ChannelService(clock, settings.configured),
            ),
            (
                whatsapp_pb2.DESCRIPTOR.services_by_name["WhatsAppService"],
                WhatsAppService(
                    core.database,
                    whatsapp,
                    files,
                    clock,
                    WebhookSecrets(
                        app_secret=settings.whatsapp_app_secret.get_secret_value(),
                        verify_token=settings.whatsapp_verify_token.get_secret_value(),
                        number_id=settings.whatsapp_phone_number_id,
                    ),
                    country_code=settings.whatsapp_country_code,
                    per_second=settings.whatsapp_per_second,
                ),
            ),
            (chat_pb2.DESCRIPTOR.services_by_name["ChatService"], ChatService()),
        ],
        subscriptions=subscriptions(clock, settings.whatsapp_country_code, agent),
        jobs={
            **Sending(core.database, sender, clock, settings.rates).handlers(),
            **Announcing(core.database, clock).handlers(),
            **conversations.handlers(),
            **Upkeep(core.database, files, clock, settings.kept).handlers(),
        },
        parts=[whatsapp, push, agent, neighbours, *live_parts(core, settings)],
    )


def whatsapp_of(settings: Settings) -> WhatsApp:
    """WhatsApp as the settings name it."""
    return WhatsApp(
        url=settings.whatsapp_url,
        version=settings.whatsapp_api_version,
        number_id=settings.whatsapp_phone_number_id,
        token=settings.whatsapp_access_token.get_secret_value(),
        timeout=settings.provider_timeout_seconds,
    )


def push_of(settings: Settings) -> Push:
    """Push as the settings name it. Raises ValueError for a key that is none."""
    return Push(
        settings.firebase_service_account_key.get_secret_value(),
        url=settings.fcm_url,
        timeout=settings.provider_timeout_seconds,
    )


def agent_of(settings: Settings) -> Agent:
    """The agent's server as the settings name it. Raises ValueError for a secret that is none."""
    return Agent(
        AgentAddress(
            authenticated_url=settings.agent_authenticated_url,
            events_url=settings.agent_events_url,
            api_key=settings.agent_api_key.get_secret_value(),
            webhook_key=settings.agent_webhook_key.get_secret_value(),
            secrets=settings.agent_webhook_secret.get_secret_value(),
        ),
        timeout=settings.agent_timeout_seconds,
    )


def mail_of(settings: Settings) -> MailServer | None:
    """The mail server, where there is one. Raises ValueError for an address that is none."""
    url = settings.smtp_url.get_secret_value()
    return MailServer(url) if url else None


def manner_of(settings: Settings) -> Manner:
    """How we present ourselves."""
    return Manner(
        mail_from=settings.mail_from,
        frontend_url=settings.frontend_url,
        country_code=settings.whatsapp_country_code,
        brand=settings.brand,
        support=settings.support_contact,
        templates=settings.whatsapp_templates,
    )
