"""Which channels the operator has set up."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Configured:
    """What there are credentials for."""

    email: bool
    push: bool
    whatsapp: bool
    webhook: bool
    """WhatsApp's webhook: both the token that verifies it and the secret that signs it."""
    agent: bool
    """Webhooks to the agent's server: an address and the secret that signs them."""
