"""What scheduling reads from its environment."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from servicekit.files import MEBIBYTE
from servicekit.settings import ServiceSettings, shared


class Settings(ServiceSettings):
    """Variables start with SCHEDULING_; the ones that all processes share do not."""

    model_config = SettingsConfigDict(env_prefix="SCHEDULING_")

    identity_target: str = shared("IDENTITY_TARGET", default="127.0.0.1:9001")
    """Where identity answers; asked whom an agent's request is about."""
    roster_wait_seconds: float = 20.0
    """How much longer than its search a manager's request waits for a run of the optimizer."""
    max_upload_bytes: int = Field(default=10 * MEBIBYTE, gt=0, le=14 * MEBIBYTE)
    """Of a file that goes with an answer; a message between processes holds little more."""
