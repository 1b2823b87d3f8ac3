"""Scheduling's composition root: the only place where its parts are wired."""

from mizan.scheduling.v1 import (
    availability_pb2,
    process_pb2,
    safety_pb2,
    shift_pb2,
    shift_task_pb2,
    swap_pb2,
    task_category_pb2,
    task_pb2,
    task_template_pb2,
    template_pb2,
    week_pb2,
)
from servicekit.clock import Clock, SystemClock
from servicekit.runtime import Core, Service
from services.scheduling.jobs import Reminders
from services.scheduling.projections import subscriptions
from services.scheduling.service.availability import AvailabilityService
from services.scheduling.service.processes import ProcessService
from services.scheduling.service.safety import SafetyService
from services.scheduling.service.shift_tasks import ShiftTaskService
from services.scheduling.service.shifts import ShiftService
from services.scheduling.service.swaps import SwapService
from services.scheduling.service.task_categories import TaskCategoryService
from services.scheduling.service.task_templates import TaskTemplateService
from services.scheduling.service.tasks import TaskService
from services.scheduling.service.templates import ScheduleTemplateService
from services.scheduling.service.weeks import WeekService
from services.scheduling.settings import Settings


def build(settings: Settings, clock: Clock | None = None) -> Service:
    """The whole service, connected to nothing yet."""
    clock = clock or SystemClock()
    core = Core.of("scheduling", settings)
    return core.service(
        [
            (task_category_pb2.DESCRIPTOR.services_by_name["TaskCategoryService"], TaskCategoryService()),
            (template_pb2.DESCRIPTOR.services_by_name["ScheduleTemplateService"], ScheduleTemplateService()),
            (week_pb2.DESCRIPTOR.services_by_name["WeekService"], WeekService(clock)),
            (shift_pb2.DESCRIPTOR.services_by_name["ShiftService"], ShiftService(clock)),
            (task_template_pb2.DESCRIPTOR.services_by_name["TaskTemplateService"], TaskTemplateService()),
            (shift_task_pb2.DESCRIPTOR.services_by_name["ShiftTaskService"], ShiftTaskService(clock)),
            (task_pb2.DESCRIPTOR.services_by_name["TaskService"], TaskService(clock)),
            (availability_pb2.DESCRIPTOR.services_by_name["AvailabilityService"], AvailabilityService(clock)),
            (process_pb2.DESCRIPTOR.services_by_name["ProcessService"], ProcessService(clock)),
            (safety_pb2.DESCRIPTOR.services_by_name["SafetyService"], SafetyService(clock)),
            (swap_pb2.DESCRIPTOR.services_by_name["SwapService"], SwapService()),
        ],
        subscriptions=subscriptions(),
        jobs=Reminders(core.database, clock).handlers(),
    )
