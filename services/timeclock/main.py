"""Timeclock's composition root: the only place where its parts are wired."""

from mizan.timeclock.v1 import (
    agent_pb2,
    attendance_pb2,
    board_pb2,
    clock_pb2,
    policy_pb2,
    punch_pb2,
    shift_review_pb2,
    timesheet_pb2,
)
from servicekit.clock import Clock, SystemClock
from servicekit.files import Files
from servicekit.links import FileLinks
from servicekit.runtime import Core, Service
from services.timeclock.clients import PERMISSIONS, Identity
from services.timeclock.jobs import Wages, Watch
from services.timeclock.photos import Photos
from services.timeclock.projections import subscriptions
from services.timeclock.service.agents import AgentClockService
from services.timeclock.service.attendance import AttendanceService
from services.timeclock.service.boards import BoardService
from services.timeclock.service.clock import ClockService
from services.timeclock.service.policy import PolicyService
from services.timeclock.service.punches import PunchService
from services.timeclock.service.shift_reviews import ShiftReviewService
from services.timeclock.service.timesheets import TimesheetService
from services.timeclock.settings import Settings


def build(settings: Settings, clock: Clock | None = None) -> Service:
    """The whole service, connected to nothing yet."""
    clock = clock or SystemClock()
    core = Core.of("timeclock", settings, permissions=PERMISSIONS)
    files = Files.from_url(settings.files_url)
    core.health.check("files", files.ping, essential=False)
    photos = Photos(files, core.database, clock)
    links = FileLinks.from_folder(core.name, settings.internal_keys_dir, clock, public_url=settings.public_url)
    identity = Identity(settings.identity_target, core)
    return core.service(
        [
            (
                clock_pb2.DESCRIPTOR.services_by_name["ClockService"],
                ClockService(identity, photos, links, clock),
            ),
            (
                attendance_pb2.DESCRIPTOR.services_by_name["AttendanceService"],
                AttendanceService(clock, links),
            ),
            (board_pb2.DESCRIPTOR.services_by_name["BoardService"], BoardService(clock)),
            (punch_pb2.DESCRIPTOR.services_by_name["PunchService"], PunchService(clock)),
            (policy_pb2.DESCRIPTOR.services_by_name["PolicyService"], PolicyService()),
            (timesheet_pb2.DESCRIPTOR.services_by_name["TimesheetService"], TimesheetService(clock)),
            (agent_pb2.DESCRIPTOR.services_by_name["AgentClockService"], AgentClockService(identity, clock)),
            (shift_review_pb2.DESCRIPTOR.services_by_name["ShiftReviewService"], ShiftReviewService(clock)),
        ],
        subscriptions=subscriptions(asks_identity=bool(settings.identity_target)),
        jobs={
            **photos.handlers(),
            **Watch(core.database, clock).handlers(),
            **Wages(core.database, identity, clock).handlers(),
        },
        parts=[identity],
    )
