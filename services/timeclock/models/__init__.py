"""Timeclock's tables."""

import refdata
from services.timeclock.models.base import Base
from services.timeclock.models.policy import ClockSettings, Holiday, ShiftRef, Wage
from services.timeclock.models.punch import EarlyAllowance, Punch, PunchPhoto
from services.timeclock.models.session import AttendanceMark, WorkSession
from services.timeclock.models.shift_review import ShiftReview, ShiftReviewLike
from services.timeclock.models.timesheet import Timesheet, TimesheetEntry, TimesheetLine

TENANT_TABLES = {
    "punches": "restaurant_id",
    "punch_photos": "restaurant_id",
    "early_allowances": "restaurant_id",
    "work_sessions": "restaurant_id",
    "attendance_marks": "restaurant_id",
    "clock_settings": "restaurant_id",
    "holidays": "restaurant_id",
    "wages": "restaurant_id",
    "shift_refs": "restaurant_id",
    "timesheets": "restaurant_id",
    "timesheet_lines": "restaurant_id",
    "timesheet_entries": "restaurant_id",
    "shift_reviews": "restaurant_id",
    "shift_review_likes": "restaurant_id",
    **refdata.TENANT_TABLES,
}
"""Tables under row-level security, with the column that names the restaurant."""

__all__ = [
    "TENANT_TABLES",
    "AttendanceMark",
    "Base",
    "ClockSettings",
    "EarlyAllowance",
    "Holiday",
    "Punch",
    "PunchPhoto",
    "ShiftRef",
    "ShiftReview",
    "ShiftReviewLike",
    "Timesheet",
    "TimesheetEntry",
    "TimesheetLine",
    "Wage",
    "WorkSession",
]
