"""Alembic's entry into billing's migrations."""

from servicekit.migrate import run_env
from services.billing.models import Base

run_env(Base.metadata)
