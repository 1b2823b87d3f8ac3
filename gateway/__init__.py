"""The edge of the platform: the only process that speaks HTTP to the outside."""
