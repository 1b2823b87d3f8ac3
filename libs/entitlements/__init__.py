"""A service's own copy of what restaurants may use: features that are switched on, and limits.

Billing decides and publishes; each service that has something to sell keeps this one table and asks it. No question
ever leaves the process, so billing may be away for days: what was known goes on.

    await entitlements.require(call.read(), tenant, "api_access")
    await entitlements.require_room(call.read(), tenant, "staff", people + 1)

**Never lock the till.** A restaurant that does not pay, or of which nothing is known, can always clock in and out, take
and close orders, take payment and export its data. The names of that are in `ALWAYS`: they cannot be sold, nothing
refuses them, and their code does not ask at all. Ask only where something is added to what runs already: a key for an
integrator, one more location, a forecast. Never ask on reading what a restaurant has entered, and never delete or hide
what is over a new limit; refuse only to add more.

Attach the table to the service's metadata, put it under row-level security, and run the subscription beside its others.
"""

from entitlements.names import ALWAYS
from entitlements.projection import subscription
from entitlements.queries import Entitled, entitled, require, require_room
from entitlements.tables import TENANT_TABLES, attach, entitlement_ref

__all__ = [
    "ALWAYS",
    "TENANT_TABLES",
    "Entitled",
    "attach",
    "entitled",
    "entitlement_ref",
    "require",
    "require_room",
    "subscription",
]
