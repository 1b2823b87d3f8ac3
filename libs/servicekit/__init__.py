"""The shared runtime of every Mizan service: no word of the restaurant domain stands in here."""
