"""Accounts, restaurants, roles and the trail of who did what."""
