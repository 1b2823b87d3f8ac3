"""What notify reads from its environment."""

from datetime import timedelta

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from servicekit.settings import ServiceSettings, shared
from services.notify.commands.upkeep import Kept
from services.notify.domain.configured import Configured


class Settings(ServiceSettings):
    """Variables start with NOTIFY_; the ones that all processes share, and those that providers have named, do not.

    Without a provider's credentials its channel is passed over; without WhatsApp's secrets every webhook is refused.
    """

    model_config = SettingsConfigDict(env_prefix="NOTIFY_")

    identity_target: str = shared("IDENTITY_TARGET", default="127.0.0.1:9001")
    scheduling_target: str = shared("SCHEDULING_TARGET", default="127.0.0.1:9002")
    timeclock_target: str = shared("TIMECLOCK_TARGET", default="127.0.0.1:9003")
    pos_target: str = shared("POS_TARGET", default="127.0.0.1:9004")

    ws_host: str = "127.0.0.1"
    ws_port: int = 0
    ws_origins: list[str] = Field(default=[])
    """Origins that browsers may open WebSockets from, beside the front end's and the platform's own."""
    ws_max_connections: int = 12_000
    live_backlog_bytes: int = 64 * 1024 * 1024
    """What is kept in memory for those who come back."""
    live_history_minutes: float = 10
    """How far back somebody who comes back may have missed something."""

    smtp_url: SecretStr = shared("SMTP_URL", default=SecretStr(""))
    """smtp://[user:password@]host:port or smtps://..."""
    mail_from: str = "Mizan <no-reply@heymizan.ai>"

    firebase_service_account_key: SecretStr = shared("FIREBASE_SERVICE_ACCOUNT_KEY", default=SecretStr(""))
    """JSON text; push is off without it."""
    fcm_url: str = "https://fcm.googleapis.com"

    whatsapp_access_token: SecretStr = shared("WHATSAPP_ACCESS_TOKEN", default=SecretStr(""))
    whatsapp_phone_number_id: str = shared("WHATSAPP_PHONE_NUMBER_ID", default="")
    whatsapp_app_secret: SecretStr = shared("WHATSAPP_APP_SECRET", default=SecretStr(""))
    """Signs the webhooks."""
    whatsapp_verify_token: SecretStr = shared("WHATSAPP_VERIFY_TOKEN", default=SecretStr(""))
    whatsapp_api_version: str = shared("WHATSAPP_API_VERSION", default="v22.0")
    whatsapp_url: str = "https://graph.facebook.com"
    whatsapp_country_code: str = shared("WHATSAPP_DEFAULT_COUNTRY_CODE", default="212")
    whatsapp_templates: dict[str, str] = Field(default={})
    """Names of approved templates by text, where they are not the usual ones: {"invitation": "welcome_v2"}."""
    brand: str = shared("WHATSAPP_BRAND_NAME", default="Mizan")
    support_contact: str = shared("SUPPORT_CONTACT", default="")

    agent_authenticated_url: str = shared("LUA_USER_AUTHENTICATION_WEBHOOK", default="")
    """Where the agent's server is told who logs in."""
    agent_events_url: str = shared("LUA_USER_EVENTS_WEBHOOK", default="")
    """Where the agent's server is told of invitations and incidents."""
    agent_api_key: SecretStr = shared("LUA_API_KEY", default=SecretStr(""))
    agent_webhook_key: SecretStr = shared("LUA_WEBHOOK_API_KEY", default=SecretStr(""))
    agent_webhook_secret: SecretStr = SecretStr("")
    """Signs what the agent's server is told: `whsec_` and base64, two of them while they are exchanged."""
    agent_timeout_seconds: float = 5.0

    provider_timeout_seconds: float = 15.0
    whatsapp_per_second: float = Field(default=60.0, gt=0)
    push_per_second: float = Field(default=200.0, gt=0)
    email_per_second: float = Field(default=20.0, gt=0)
    agent_per_second: float = Field(default=10.0, gt=0)

    keep_notifications_days: int = Field(default=90, gt=0)
    keep_deliveries_days: int = Field(default=30, gt=0)
    keep_inactive_tokens_days: int = Field(default=180, gt=0)
    conversation_minutes: int = Field(default=60, gt=0)
    """How long an unfinished conversation is remembered."""

    @property
    def remembered(self) -> timedelta:
        """How long an unfinished conversation is remembered."""
        return timedelta(minutes=self.conversation_minutes)

    @property
    def rates(self) -> dict[str, float]:
        """How often each provider may be asked, by channel, in a second, all replicas together."""
        return {
            "whatsapp": self.whatsapp_per_second,
            "push": self.push_per_second,
            "email": self.email_per_second,
            "agent": self.agent_per_second,
        }

    @property
    def kept(self) -> Kept:
        """How long things are kept."""
        return Kept(
            notifications=timedelta(days=self.keep_notifications_days),
            deliveries=timedelta(days=self.keep_deliveries_days),
            inactive_tokens=timedelta(days=self.keep_inactive_tokens_days),
        )

    @property
    def configured(self) -> Configured:
        """Which channels there are credentials for."""
        return Configured(
            email=bool(self.smtp_url.get_secret_value()),
            push=self.firebase_service_account_key.get_secret_value().strip() not in ("", "{}"),
            whatsapp=bool(self.whatsapp_access_token.get_secret_value() and self.whatsapp_phone_number_id),
            webhook=bool(self.whatsapp_app_secret.get_secret_value() and self.whatsapp_verify_token.get_secret_value()),
            agent=bool(
                (self.agent_authenticated_url or self.agent_events_url) and self.agent_webhook_secret.get_secret_value()
            ),
        )
