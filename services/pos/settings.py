"""What pos reads from its environment."""

from typing import Literal

from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from servicekit.settings import ServiceSettings, shared
from services.pos.clients.square import HOSTS


class Settings(ServiceSettings):
    """Variables start with POS_; the ones that all processes share do not.

    Without the secrets of a provider everything but that provider works, and each of its webhooks is refused.
    """

    model_config = SettingsConfigDict(env_prefix="POS_")

    identity_target: str = shared("IDENTITY_TARGET", default="127.0.0.1:9001")
    encryption_keys: SecretStr | None = None
    """Fernet keys for the tokens of till systems, newest first, separated by commas; an older one still decrypts."""
    provider_timeout_seconds: float = 10.0
    event_delay_seconds: float = 1.0
    """How long a till system's events are collected before it is asked about them, once for all."""

    square_env: Literal["production", "sandbox"] = shared("SQUARE_ENV", default="production")
    square_api_url: str = ""
    """Instead of the address that the environment names."""
    square_application_id: str = shared("SQUARE_APPLICATION_ID", default="")
    square_application_secret: SecretStr | None = shared("SQUARE_APPLICATION_SECRET", default=None)
    square_redirect_uri: str = shared("SQUARE_REDIRECT_URI", default="")
    """The callback as it is registered at Square; the platform's own address when empty."""
    square_scopes: str = shared("SQUARE_SCOPES", default="PAYMENTS_READ,ORDERS_READ,ITEMS_READ,MERCHANT_PROFILE_READ")
    square_api_version: str = shared("SQUARE_API_VERSION", default="2024-01-18")
    square_webhook_signature_key: SecretStr | None = shared("SQUARE_WEBHOOK_SIGNATURE_KEY", default=None)
    square_webhook_notification_url: str = shared("SQUARE_WEBHOOK_NOTIFICATION_URL", default="")
    square_webhook_notification_url_template: str = shared("SQUARE_WEBHOOK_NOTIFICATION_URL_TEMPLATE", default="")
    """With {restaurant_id}; the URL without a restaurant when empty."""
    toast_api_url: str = "https://ws-api.toasttab.com"
    toast_webhook_secret: SecretStr | None = shared("TOAST_WEBHOOK_SECRET", default=None)
    clover_api_url: str = "https://api.clover.com"
    clover_webhook_code: SecretStr | None = shared("CLOVER_WEBHOOK_CODE", default=None)

    stripe_secret_key: SecretStr | None = shared("STRIPE_SECRET_KEY", default=None)
    stripe_webhook_secret: SecretStr | None = None
    """Of the endpoint for card payments; several separated by commas while one replaces the other."""
    stripe_api_url: str = "https://api.stripe.com"
    stripe_timeout_seconds: float = 10.0

    @property
    def square_url(self) -> str:
        """Where Square answers."""
        return self.square_api_url or HOSTS[self.square_env]

    @property
    def square_callback(self) -> str:
        """Where Square sends merchants back to."""
        return self.square_redirect_uri or f"{self.public_url}/api/settings/square/oauth/callback/"
