"""Billing's rules: pure functions and values, without a database, a clock or the network."""
