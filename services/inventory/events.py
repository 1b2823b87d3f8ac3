"""What inventory publishes, and how each fact is made from its rows."""

from sqlalchemy.ext.asyncio import AsyncSession

from mizan.inventory.events.v1 import events_pb2 as facts
from servicekit import events
from services.inventory.models import Supplier


def supplier_created(session: AsyncSession, supplier: Supplier) -> None:
    """The restaurant buys from somebody new."""
    about = facts.SupplierFacts(
        id=str(supplier.id),
        restaurant_id=str(supplier.restaurant_id),
        name=supplier.name,
        version=supplier.version,
    )
    events.emit(
        session,
        facts.SupplierCreated(supplier=about),
        restaurant_id=supplier.restaurant_id,
        aggregate_id=supplier.id,
        version=supplier.version,
    )
