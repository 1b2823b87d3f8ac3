"""What the gateway reads from its environment; nothing secret has a default."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from pydantic import SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

import mizan
from servicekit.settings import shared

DESCRIPTORS = Path(mizan.__file__).parent / "descriptors.binpb"


class GatewaySettings(BaseSettings):
    """Settings with the prefix `GATEWAY_`, and those that all processes share."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", extra="ignore", populate_by_name=True)

    host: str = "127.0.0.1"
    port: int = 8000
    metrics_host: str = "127.0.0.1"
    # 0 takes any free port.
    metrics_port: int = 0
    drain_seconds: float = 10.0

    # Seconds that a call to a service may take when its operation names no deadline of its own.
    call_timeout_seconds: float = 10.0
    max_body_bytes: int = 12 * 1024 * 1024
    # Seconds that the next piece of a body may take.
    read_timeout_seconds: float = 30.0
    # Origins of browsers that may call with credentials.
    cors_origins: list[str] = []
    # Addresses whose X-Forwarded-* headers are believed.
    trusted_proxies: list[IPv4Network | IPv6Network] = []
    access_log: bool = True

    # The platform-wide key of the agent, or the SHA-256 of it in hexadecimal; unset refuses every such caller.
    agent_key: SecretStr | None = None
    agent_key_sha256: str = ""

    # How long a resolved credential is believed while revocations arrive, and while they may not.
    principal_max_age_seconds: float = 30.0
    principal_max_age_cut_off_seconds: float = 1.5
    jwks_refetch_seconds: float = 5.0

    # Limits in the notation "<count>/<unit>", several joined by ";"; an empty text switches one off.
    limit_address: str = "1200/minute"
    limit_account: str = "1200/minute"
    limit_restaurant: str = "12000/minute"
    limit_credentials: str = "20/minute;200/hour"
    limit_messages: str = "10/minute;60/hour"
    limit_heavy: str = "30/minute"

    # A document made by `python -m gateway.openapi`; without it the gateway renders one in the background.
    openapi_file: Path | None = None
    descriptors: Path = DESCRIPTORS

    identity_target: str = shared("IDENTITY_TARGET")
    scheduling_target: str = shared("SCHEDULING_TARGET", default="")
    timeclock_target: str = shared("TIMECLOCK_TARGET", default="")
    pos_target: str = shared("POS_TARGET", default="")
    inventory_target: str = shared("INVENTORY_TARGET", default="")
    billing_target: str = shared("BILLING_TARGET", default="")
    notify_target: str = shared("NOTIFY_TARGET", default="")
    # Where identity serves the administration site, such as http://127.0.0.1:9001.
    identity_http_url: str = shared("IDENTITY_HTTP_URL", default="")
    # Where notify's WebSockets are, such as ws://127.0.0.1:9000.
    notify_ws_url: str = shared("NOTIFY_WS_URL", default="")

    nats_url: str = shared("NATS_URL")
    redis_url: str = shared("REDIS_URL")
    internal_keys_dir: Path = shared("INTERNAL_KEYS_DIR")
    otlp_endpoint: str = shared("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
    trace_sample_ratio: float = 1.0
    log_level: str = shared("LOG_LEVEL", default="INFO")

    @model_validator(mode="after")
    def _one_form_of_the_agent_key(self) -> "GatewaySettings":
        if self.agent_key is not None and self.agent_key_sha256:
            raise ValueError("set GATEWAY_AGENT_KEY or GATEWAY_AGENT_KEY_SHA256, not both")
        return self

    def target_of(self, owner: str) -> str:
        """The gRPC target of a service; empty when it is not configured."""
        target: str = getattr(self, f"{owner}_target", "")
        return target
