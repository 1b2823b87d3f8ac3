"""Inventory: what is in stock, and whom it is bought from."""
