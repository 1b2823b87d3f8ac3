"""Alembic's entry into scheduling's migrations."""

from servicekit.migrate import run_env
from services.scheduling.models import Base

run_env(Base.metadata)
