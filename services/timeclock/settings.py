"""What timeclock reads from its environment."""

from pydantic_settings import SettingsConfigDict

from servicekit.settings import ServiceSettings, shared


class Settings(ServiceSettings):
    """Variables start with TIMECLOCK_; the ones that all processes share do not."""

    model_config = SettingsConfigDict(env_prefix="TIMECLOCK_")

    identity_target: str = shared("IDENTITY_TARGET", default="")
    """Where identity answers, such as 127.0.0.1:9001; without it nobody clocks in by PIN or through the agent."""
