"""What identity reads from its environment."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from servicekit.files import MEBIBYTE
from servicekit.settings import ServiceSettings, shared


class Settings(ServiceSettings):
    """Variables start with IDENTITY_; the ones that all processes share do not."""

    model_config = SettingsConfigDict(env_prefix="IDENTITY_")

    jwt_keys_dir: Path
    pin_pepper: SecretStr
    encryption_keys: SecretStr
    """Fernet keys, newest first, separated by commas; an older one still decrypts."""
    access_token_hours: float = 12
    refresh_token_days: float = 30
    invitation_days: int = 7
    max_upload_bytes: int = Field(default=10 * MEBIBYTE, gt=0, le=14 * MEBIBYTE)
    """Of a document, a picture or a file of a request; a message between processes holds little more."""
    mail_from: str = "Mizan <no-reply@heymizan.ai>"
    smtp_url: SecretStr = shared("SMTP_URL")
    """smtp://[user:password@]host:port or smtps://..."""

    @property
    def invitation_lifetime(self) -> timedelta:
        """How long an invitation can be accepted unless its maker says otherwise."""
        return timedelta(days=self.invitation_days)

    @property
    def access_lifetime(self) -> timedelta:
        """How long an access token lives."""
        return timedelta(hours=self.access_token_hours)

    @property
    def refresh_lifetime(self) -> timedelta:
        """How long a session lives without being renewed."""
        return timedelta(days=self.refresh_token_days)
