"""Pos: the menu, and what is sold from it."""
