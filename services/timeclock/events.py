"""What timeclock publishes, and how each fact is made from its rows."""

from sqlalchemy.ext.asyncio import AsyncSession

from mizan.timeclock.events.v1 import events_pb2 as facts
from servicekit import events
from services.timeclock.models import ShiftReview


def shift_review_created(session: AsyncSession, review: ShiftReview) -> None:
    """Somebody reviewed a session they worked."""
    about = facts.ShiftReviewFacts(
        id=str(review.id),
        restaurant_id=str(review.restaurant_id),
        session_id=str(review.session_id),
        staff_id=str(review.staff_id),
        rating=review.rating,
        version=review.version,
    )
    about.completed_at.FromDatetime(review.completed_at)
    events.emit(
        session,
        facts.ShiftReviewCreated(review=about),
        restaurant_id=review.restaurant_id,
        aggregate_id=review.id,
        version=review.version,
    )
