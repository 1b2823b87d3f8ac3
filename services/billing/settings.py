"""What billing reads from its environment."""

from datetime import timedelta

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from servicekit.settings import ServiceSettings, shared


class Settings(ServiceSettings):
    """Variables start with BILLING_; the ones that all processes share do not.

    Without Stripe's secrets everything but paying works, and every webhook is refused.
    """

    model_config = SettingsConfigDict(env_prefix="BILLING_")

    stripe_secret_key: SecretStr | None = shared("STRIPE_SECRET_KEY", default=None)
    stripe_webhook_secret: SecretStr | None = shared("STRIPE_WEBHOOK_SECRET", default=None)
    """Of the webhook's endpoint; several separated by commas while one replaces the other."""
    stripe_api_url: str = "https://api.stripe.com"
    """Tests and demonstrations point it at a local server."""
    stripe_timeout_seconds: float = 10.0
    return_sites: list[str] = Field(default=[])
    """Origins that a checkout and the portal may send people back to, beside the front end's."""
    grace_days: int = 14
    """How long a plan stays whole while a payment is overdue."""

    @property
    def grace(self) -> timedelta:
        """How long a plan stays whole while a payment is overdue."""
        return timedelta(days=self.grace_days)

    @property
    def allowed_sites(self) -> frozenset[str]:
        """Every origin that people may be sent back to."""
        return frozenset({self.frontend_url, *self.return_sites})

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """What webhooks may be signed with."""
        secret = self.stripe_webhook_secret
        texts = secret.get_secret_value().split(",") if secret is not None else []
        return tuple(text for one in texts if (text := one.strip()))
