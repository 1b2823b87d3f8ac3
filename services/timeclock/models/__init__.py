"""Timeclock's tables."""

import refdata
from services.timeclock.models.base import Base
from services.timeclock.models.shift_review import ShiftReview, ShiftReviewLike

TENANT_TABLES = {
    "shift_reviews": "restaurant_id",
    "shift_review_likes": "restaurant_id",
    **refdata.TENANT_TABLES,
}
"""Tables under row-level security, with the column that names the restaurant."""

__all__ = ["TENANT_TABLES", "Base", "ShiftReview", "ShiftReviewLike"]
