"""Settings that every service reads from its environment; nothing secret has a default."""

from pathlib import Path
from typing import Any

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def shared(name: str, **field: Any) -> Any:
    """A setting that all processes share under one name, and that one process may override under its own prefix."""
    return Field(validation_alias=AliasChoices(name), **field)


class ServiceSettings(BaseSettings):
    """What a service needs to run; a subclass sets `env_prefix` to the service's name and adds its own."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True)

    database_url: str
    database_pool_size: int = 8
    grpc_host: str = "127.0.0.1"
    grpc_port: int = 0
    http_host: str = "127.0.0.1"
    http_port: int = 0
    max_connection_age_seconds: int = 300
    drain_seconds: float = 10.0

    nats_url: str = shared("NATS_URL")
    redis_url: str = shared("REDIS_URL")
    internal_keys_dir: Path = shared("INTERNAL_KEYS_DIR")
    files_url: str = shared("FILES_URL")
    public_url: str = shared("PUBLIC_URL", default="http://127.0.0.1:8000")
    frontend_url: str = shared("FRONTEND_URL", default="http://127.0.0.1:8081")
    otlp_endpoint: str = shared("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
    trace_sample_ratio: float = shared("TRACE_SAMPLE_RATIO", default=1.0)
    stream_max_age_days: float = shared("STREAM_MAX_AGE_DAYS", default=7)
    """How long NATS keeps events for consumers that are away."""
    stream_max_bytes: int = shared("STREAM_MAX_BYTES", default=1024**3)
    stream_replicas: int = shared("STREAM_REPLICAS", default=1)
    log_level: str = shared("LOG_LEVEL", default="INFO")
