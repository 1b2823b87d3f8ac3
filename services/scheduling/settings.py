"""What scheduling reads from its environment."""

from pydantic_settings import SettingsConfigDict

from servicekit.settings import ServiceSettings


class Settings(ServiceSettings):
    """Variables start with SCHEDULING_; the ones that all processes share do not."""

    model_config = SettingsConfigDict(env_prefix="SCHEDULING_")
