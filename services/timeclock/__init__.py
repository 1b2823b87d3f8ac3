"""Timeclock: who was here and for how long, and what they say about it."""
