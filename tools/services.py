"""The services that this checkout holds."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The order in which they start: whom others ask first comes first.
ORDER = ("identity", "scheduling", "timeclock", "pos", "inventory", "billing", "notify")


def service_names() -> list[str]:
    """The services that can be started, in their order."""
    return [name for name in ORDER if (ROOT / "services" / name / "__main__.py").exists()]


def migrated_services() -> list[str]:
    """The services that have migrations, in their order."""
    return [name for name in ORDER if (ROOT / "services" / name / "migrations" / "env.py").exists()]
