"""Rows to messages."""

from typing import Any

from mizan.timeclock.v1 import shift_review_pb2
from services.timeclock.domain.shift_review import as_h_mm_ss, seconds_of


def shift_review_message(row: Any) -> shift_review_pb2.ShiftReview:
    """A review with its reviewer's name."""
    message = shift_review_pb2.ShiftReview(
        id=str(row.id),
        session_id=str(row.session_id),
        staff=str(row.staff_id),
        staff_id=str(row.staff_id),
        staff_name=row.staff_name,
        department=row.department,
        rating=row.rating,
        tags=row.tags,
        comments=row.comments,
        restaurant=str(row.restaurant_id),
        likes_count=row.likes_count,
    )
    if row.hours is not None:
        message.hours_decimal = str(row.hours)
        message.duration_seconds = seconds_of(row.hours)
        message.duration_hms = as_h_mm_ss(message.duration_seconds)
    message.completed_at.FromDatetime(row.completed_at)
    message.completed_at_iso.FromDatetime(row.completed_at)
    message.created_at.FromDatetime(row.created_at)
    message.updated_at.FromDatetime(row.updated_at)
    return message
