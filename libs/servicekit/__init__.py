"""The shared runtime of every Mizan service: no word of the restaurant domain stands in here."""

from servicekit.zones import use_one_database

use_one_database()
