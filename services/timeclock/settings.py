"""What timeclock reads from its environment."""

from pydantic_settings import SettingsConfigDict

from servicekit.settings import ServiceSettings


class Settings(ServiceSettings):
    """Variables start with TIMECLOCK_; the ones that all processes share do not."""

    model_config = SettingsConfigDict(env_prefix="TIMECLOCK_")
