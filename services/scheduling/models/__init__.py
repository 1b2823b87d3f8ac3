"""Scheduling's tables."""

import refdata
from services.scheduling.models.availability import Availability, Holiday
from services.scheduling.models.base import Base
from services.scheduling.models.process import Process, ProcessTask
from services.scheduling.models.safety import Incident, Procedure, Recognition, SafetyChecklist
from services.scheduling.models.shift import Shift, ShiftPerson, SwapRequest
from services.scheduling.models.task import ShiftTask, Task, TaskTemplate
from services.scheduling.models.task_category import TaskCategory
from services.scheduling.models.template import ScheduleTemplate, TemplateShift, TemplateVersion
from services.scheduling.models.week import Publication, WeeklySchedule

TENANT_TABLES = {
    **{
        model.__tablename__: "restaurant_id"
        for model in (
            Availability,
            Holiday,
            Incident,
            Procedure,
            Process,
            ProcessTask,
            Publication,
            Recognition,
            SafetyChecklist,
            ScheduleTemplate,
            Shift,
            ShiftPerson,
            ShiftTask,
            SwapRequest,
            Task,
            TaskCategory,
            TaskTemplate,
            TemplateShift,
            TemplateVersion,
            WeeklySchedule,
        )
    },
    **refdata.TENANT_TABLES,
}
"""Tables under row-level security, with the column that names the restaurant."""

__all__ = [
    "TENANT_TABLES",
    "Availability",
    "Base",
    "Holiday",
    "Incident",
    "Procedure",
    "Process",
    "ProcessTask",
    "Publication",
    "Recognition",
    "SafetyChecklist",
    "ScheduleTemplate",
    "Shift",
    "ShiftPerson",
    "ShiftTask",
    "SwapRequest",
    "Task",
    "TaskCategory",
    "TaskTemplate",
    "TemplateShift",
    "TemplateVersion",
    "WeeklySchedule",
]
