"""Alembic's entry into inventory's migrations."""

from servicekit.migrate import run_env
from services.inventory.models import Base

run_env(Base.metadata)
