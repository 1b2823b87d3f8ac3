"""Billing: the plans on offer, and what each restaurant subscribes to."""
