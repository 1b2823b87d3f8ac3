"""Alembic's entry into pos's migrations."""

from servicekit.migrate import run_env
from services.pos.models import Base

run_env(Base.metadata)
