"""A service's own copy of what it needs to know of restaurants and their staff.

Identity owns both and publishes every change; each service that shows a name, a time zone or a currency keeps these
two tables and reads them by a join instead of asking identity per row. Attach the tables to the service's metadata,
put them under row-level security with its own, and run the subscription beside its others.
"""

from refdata.projection import subscription
from refdata.queries import DEFAULT_TIME_ZONE, FULL_NAME, ZONE, is_staff, member, restaurant, time_zone
from refdata.tables import TENANT_TABLES, attach, restaurant_ref, staff_ref

__all__ = [
    "DEFAULT_TIME_ZONE",
    "FULL_NAME",
    "TENANT_TABLES",
    "ZONE",
    "attach",
    "is_staff",
    "member",
    "restaurant",
    "restaurant_ref",
    "staff_ref",
    "subscription",
    "time_zone",
]
