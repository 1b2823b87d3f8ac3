"""Alembic's entry into timeclock's migrations."""

from servicekit.migrate import run_env
from services.timeclock.models import Base

run_env(Base.metadata)
