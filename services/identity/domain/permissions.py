"""The catalogue of permissions and what each standard role holds of it.

Every permission that any service's protos name stands here; a test compares the two. A restaurant may redefine a role,
within the catalogue.
"""

from collections.abc import Collection
from typing import Final

CATALOGUE: Final[dict[str, str]] = {
    "staff.view": "See the people of the restaurant",
    "staff.manage": "Edit, deactivate and reactivate people",
    "staff.invite": "Invite people",
    "staff.reset_credentials": "Set somebody's password or PIN",
    "staff.locate": "See where people last were",
    "staff.records": "See and edit everybody's profile, documents and performance",
    "role.manage": "Define what roles may do and give them to people",
    "restaurant.view": "See the restaurant's details",
    "restaurant.manage": "Change the restaurant's details",
    "settings.view": "See the restaurant's settings",
    "settings.manage": "Change the restaurant's settings",
    "device.manage": "Pair and unpair devices",
    "api_key.manage": "Create and revoke keys of agents and integrators",
    "audit.view": "Read the audit trail",
    "audit.write": "Add remarks to the audit trail",
    "request.create": "Ask something of the managers",
    "request.review": "Decide requests of staff",
    "schedule.view": "See the schedule",
    "schedule.manage": "Plan and publish the schedule",
    "swap.decide": "Approve and reject swaps of shifts between others",
    "attendance.view": "See who is here and who was",
    "attendance.manage": "Correct punches and approve timesheets",
    "timeclock.punch": "Clock in and out",
    "menu.view": "See the menu",
    "menu.manage": "Change the menu",
    "table.manage": "Add, change and remove tables",
    "table.clean": "See which tables need cleaning and mark them clean",
    "order.view": "See orders and tables",
    "order.create": "Take and change orders",
    "order.cancel": "Void orders and lines",
    "payment.take": "Take payments",
    "payment.refund": "Refund payments and give discounts",
    "kitchen.work": "Work kitchen tickets",
    "inventory.view": "See the stock",
    "inventory.manage": "Change items, suppliers, orders and counts",
    "billing.view": "See the subscription and invoices",
    "billing.manage": "Change the subscription",
    "notification.send": "Send announcements",
    "report.view": "See reports",
    "report.export": "Export reports",
}

AGENT_SCOPES: Final[dict[str, str]] = {
    "agent.invitations": "Find and accept invitations on behalf of the person invited",
    "agent.requests": "File requests of staff",
    "agent.staff": "Read the people of the restaurant",
    "agent.scheduling": "Read and plan shifts and tasks",
    "agent.timeclock": "Clock people in and out",
    "agent.pos": "Read sales and sync the menu and orders",
    "agent.messages": "Send messages to people",
}
"""What a key of an agent may be granted; the platform-wide key holds all of it."""

INTERNAL: Final[dict[str, str]] = {
    "access.resolve": "Turn outside credentials into principals",
    "access.check_pin": "Find out who has a PIN, for a clock on the wall",
    "access.pos_credentials": "Use the credentials of a restaurant's till system",
    "sales.read": "Read sales to plan staff by",
    "wages.read": "Read what people are paid, to plan within a budget",
    "access.invitation_links": "Bring invitations to the people who are invited",
}
"""What only the platform's own processes hold."""

PASSWORD_ONLY: Final = frozenset({"role.manage", "restaurant.manage", "api_key.manage", "billing.manage"})
"""What no role that logs in by PIN may hold: four digits are too little to guard it."""

_STAFF: Final = frozenset(
    {"restaurant.view", "request.create", "schedule.view", "timeclock.punch", "menu.view", "order.view", "audit.write"}
)
_SERVICE_FLOOR: Final = _STAFF | {"order.create", "payment.take", "table.clean"}
_KITCHEN: Final = _STAFF | {"kitchen.work", "inventory.view"}
_MANAGER: Final = frozenset(CATALOGUE) - {
    "role.manage",
    "restaurant.manage",
    "api_key.manage",
    "billing.manage",
    "staff.locate",
    "swap.decide",
}

_STANDARD: Final[dict[str, frozenset[str]]] = {
    "SUPER_ADMIN": frozenset(CATALOGUE),
    "OWNER": frozenset(CATALOGUE),
    "ADMIN": frozenset(CATALOGUE),
    "MANAGER": _MANAGER,
    "CHEF": _KITCHEN,
    "SOUS_CHEF": _KITCHEN,
    "PASTRY_CHEF": _KITCHEN,
    "KITCHEN_HELP": _KITCHEN,
    "KITCHEN_STAFF": _KITCHEN,
    "WAITER": _SERVICE_FLOOR,
    "WAITRESS": _SERVICE_FLOOR,
    "BARTENDER": _SERVICE_FLOOR | {"kitchen.work"},
    "BARISTA": _SERVICE_FLOOR | {"kitchen.work"},
    "CASHIER": _SERVICE_FLOOR,
    "RECEPTIONIST": _SERVICE_FLOOR,
    "HOST": _SERVICE_FLOOR,
    "HOSTESS": _SERVICE_FLOOR,
    "CLEANER": _STAFF | {"table.clean"},
}


def effective_permissions(role: str, redefined: Collection[str] | None) -> frozenset[str]:
    """What a role holds: what its restaurant made of it, or its standard where that is None."""
    return standard_permissions(role) if redefined is None else frozenset(redefined)


def standard_permissions(role: str) -> frozenset[str]:
    """What a role holds where its restaurant defines nothing else; unknown titles are staff."""
    return _STANDARD.get(role, _STAFF)
