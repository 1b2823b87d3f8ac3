"""Notify: telling people what concerns them, by the channels that they chose."""
