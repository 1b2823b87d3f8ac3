"""The optimizer: rosters that a good manager would sign, from a description of people, shifts, demand and rules."""

from services.scheduling.rostering.engine import CheckFailed, run

__all__ = ["CheckFailed", "run"]
