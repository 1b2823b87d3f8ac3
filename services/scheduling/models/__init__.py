"""Scheduling's tables."""

import refdata
from services.scheduling.models.availability import Availability, Holiday
from services.scheduling.models.base import Base
from services.scheduling.models.change import ScheduleChange
from services.scheduling.models.checklist import (
    ChecklistAction,
    ChecklistExecution,
    ChecklistStep,
    ChecklistTemplate,
    Evidence,
    StepResponse,
    Submission,
)
from services.scheduling.models.process import Process, ProcessTask
from services.scheduling.models.roster import RosterRun, SalesQuarter
from services.scheduling.models.safety import Incident, Procedure, Recognition, SafetyChecklist
from services.scheduling.models.shift import Shift, ShiftBackup, ShiftBid, ShiftPerson, SwapRequest
from services.scheduling.models.task import ShiftTask, Task, TaskTemplate, TemplateRun
from services.scheduling.models.task_category import TaskCategory
from services.scheduling.models.task_checkpoint import TaskCheckpoint
from services.scheduling.models.template import ScheduleTemplate, TemplateShift, TemplateVersion
from services.scheduling.models.template_selection import TemplateSelection
from services.scheduling.models.week import Publication, WeeklySchedule

TENANT_TABLES = {
    **{
        model.__tablename__: "restaurant_id"
        for model in (
            Availability,
            ChecklistAction,
            ChecklistExecution,
            ChecklistStep,
            ChecklistTemplate,
            Evidence,
            Holiday,
            Incident,
            Procedure,
            Process,
            ProcessTask,
            Publication,
            Recognition,
            RosterRun,
            SafetyChecklist,
            SalesQuarter,
            ScheduleChange,
            ScheduleTemplate,
            Shift,
            ShiftBackup,
            ShiftBid,
            ShiftPerson,
            ShiftTask,
            StepResponse,
            Submission,
            SwapRequest,
            Task,
            TaskCategory,
            TaskCheckpoint,
            TaskTemplate,
            TemplateRun,
            TemplateSelection,
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
    "ChecklistAction",
    "ChecklistExecution",
    "ChecklistStep",
    "ChecklistTemplate",
    "Evidence",
    "Holiday",
    "Incident",
    "Procedure",
    "Process",
    "ProcessTask",
    "Publication",
    "Recognition",
    "RosterRun",
    "SafetyChecklist",
    "SalesQuarter",
    "ScheduleChange",
    "ScheduleTemplate",
    "Shift",
    "ShiftBackup",
    "ShiftBid",
    "ShiftPerson",
    "ShiftTask",
    "StepResponse",
    "Submission",
    "SwapRequest",
    "Task",
    "TaskCategory",
    "TaskCheckpoint",
    "TaskTemplate",
    "TemplateRun",
    "TemplateSelection",
    "TemplateShift",
    "TemplateVersion",
    "WeeklySchedule",
]
