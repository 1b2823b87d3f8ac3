"""Rules about the sections of the menu."""


def external_problem(provider: str | None, external_id: str | None) -> tuple[str, str] | None:
    """What is wrong with a section's identity in a till system, as field and text, or None: it is whole or absent."""
    if external_id and not provider:
        return "external_provider", "An external id needs the provider that gave it."
    if provider and not external_id:
        return "external_id", "A provider needs the id that it gave."
    return None
