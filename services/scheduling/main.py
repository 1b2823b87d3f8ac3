"""Scheduling's composition root: the only place where its parts are wired."""

from mizan.scheduling.v1 import (
    agent_pb2,
    agent_roster_pb2,
    availability_pb2,
    bid_pb2,
    board_pb2,
    checklist_pb2,
    checklist_template_pb2,
    inbox_pb2,
    process_pb2,
    roster_pb2,
    safety_pb2,
    schedule_change_pb2,
    shift_pb2,
    shift_task_pb2,
    staff_schedule_pb2,
    staff_task_pb2,
    swap_pb2,
    task_assignment_pb2,
    task_category_pb2,
    task_evidence_pb2,
    task_overview_pb2,
    task_pb2,
    task_template_pb2,
    team_pb2,
    template_library_pb2,
    template_pb2,
    template_selection_pb2,
    template_shift_pb2,
    template_version_pb2,
    week_pb2,
)
from servicekit.clock import Clock, SystemClock
from servicekit.files import Files
from servicekit.links import FileLinks
from servicekit.runtime import Core, Service
from services.scheduling.agents import Agents
from services.scheduling.clients import PERMISSIONS, Identity
from services.scheduling.filing import Filing
from services.scheduling.jobs import Housekeeping, Reminders
from services.scheduling.projections import subscriptions
from services.scheduling.recurring_jobs import Recurring
from services.scheduling.roster_jobs import Rosters
from services.scheduling.service.agent_checklists import AgentChecklistService
from services.scheduling.service.agent_rosters import AgentRosterService
from services.scheduling.service.agents import AgentSchedulingService
from services.scheduling.service.at_once import Planner
from services.scheduling.service.availability import AvailabilityService
from services.scheduling.service.bids import ShiftBidService
from services.scheduling.service.boards import BoardService
from services.scheduling.service.checklist_templates import ChecklistTemplateService
from services.scheduling.service.checklists import ChecklistService
from services.scheduling.service.inbox import InboxService
from services.scheduling.service.processes import ProcessService
from services.scheduling.service.rosters import RosterService
from services.scheduling.service.safety import SafetyService
from services.scheduling.service.schedule_changes import ScheduleChangeService
from services.scheduling.service.shift_tasks import ShiftTaskService
from services.scheduling.service.shifts import ShiftService
from services.scheduling.service.staff_schedules import StaffScheduleService
from services.scheduling.service.staff_tasks import StaffTaskService
from services.scheduling.service.swaps import SwapService
from services.scheduling.service.task_assignment import TaskAssignmentService
from services.scheduling.service.task_categories import TaskCategoryService
from services.scheduling.service.task_evidence import TaskEvidenceService
from services.scheduling.service.task_overview import TaskOverviewService
from services.scheduling.service.task_pictures import TaskPictures
from services.scheduling.service.task_templates import TaskTemplateService
from services.scheduling.service.tasks import TaskService
from services.scheduling.service.team import TeamService
from services.scheduling.service.template_library import TemplateLibraryService
from services.scheduling.service.template_selections import TemplateSelectionService
from services.scheduling.service.template_shifts import TemplateShiftService
from services.scheduling.service.template_versions import TemplateVersionService
from services.scheduling.service.templates import ScheduleTemplateService
from services.scheduling.service.weeks import WeekService
from services.scheduling.settings import Settings
from services.scheduling.solver import Solver


def build(settings: Settings, clock: Clock | None = None) -> Service:
    """The whole service, connected to nothing yet."""
    clock = clock or SystemClock()
    core = Core.of("scheduling", settings, permissions=PERMISSIONS)
    identity = Identity(settings.identity_target, core.minter, core.itself)
    agents = Agents(identity)
    planner = Planner(core.database, clock, wait_seconds=settings.roster_wait_seconds)
    rosters = Rosters(core.database, core.broker, clock, Solver(), identity.wages)
    files = Files.from_url(settings.files_url)
    core.health.check("files", files.ping, essential=False)
    filing = Filing(files, core.database, clock, max_bytes=settings.max_upload_bytes)
    links = FileLinks.from_folder(core.name, settings.internal_keys_dir, clock, public_url=settings.public_url)
    pictures = TaskPictures(filing, links)
    return core.service(
        [
            (task_category_pb2.DESCRIPTOR.services_by_name["TaskCategoryService"], TaskCategoryService()),
            (template_pb2.DESCRIPTOR.services_by_name["ScheduleTemplateService"], ScheduleTemplateService()),
            (template_shift_pb2.DESCRIPTOR.services_by_name["TemplateShiftService"], TemplateShiftService()),
            (
                template_version_pb2.DESCRIPTOR.services_by_name["TemplateVersionService"],
                TemplateVersionService(),
            ),
            (team_pb2.DESCRIPTOR.services_by_name["TeamService"], TeamService()),
            (
                template_selection_pb2.DESCRIPTOR.services_by_name["TemplateSelectionService"],
                TemplateSelectionService(),
            ),
            (
                template_library_pb2.DESCRIPTOR.services_by_name["TemplateLibraryService"],
                TemplateLibraryService(identity.wages),
            ),
            (week_pb2.DESCRIPTOR.services_by_name["WeekService"], WeekService(planner, clock)),
            (shift_pb2.DESCRIPTOR.services_by_name["ShiftService"], ShiftService(clock)),
            (task_template_pb2.DESCRIPTOR.services_by_name["TaskTemplateService"], TaskTemplateService(clock)),
            (shift_task_pb2.DESCRIPTOR.services_by_name["ShiftTaskService"], ShiftTaskService(pictures, clock)),
            (task_pb2.DESCRIPTOR.services_by_name["TaskService"], TaskService(pictures, clock)),
            (
                task_evidence_pb2.DESCRIPTOR.services_by_name["TaskEvidenceService"],
                TaskEvidenceService(pictures, clock),
            ),
            (
                task_overview_pb2.DESCRIPTOR.services_by_name["TaskOverviewService"],
                TaskOverviewService(pictures, clock),
            ),
            (
                task_assignment_pb2.DESCRIPTOR.services_by_name["TaskAssignmentService"],
                TaskAssignmentService(pictures, clock),
            ),
            (availability_pb2.DESCRIPTOR.services_by_name["AvailabilityService"], AvailabilityService(clock)),
            (bid_pb2.DESCRIPTOR.services_by_name["ShiftBidService"], ShiftBidService(clock)),
            (board_pb2.DESCRIPTOR.services_by_name["BoardService"], BoardService(clock)),
            (
                checklist_template_pb2.DESCRIPTOR.services_by_name["ChecklistTemplateService"],
                ChecklistTemplateService(),
            ),
            (
                checklist_pb2.DESCRIPTOR.services_by_name["ChecklistService"],
                ChecklistService(filing, links, clock),
            ),
            (
                agent_pb2.DESCRIPTOR.services_by_name["AgentSchedulingService"],
                AgentSchedulingService(agents, clock),
            ),
            (
                agent_pb2.DESCRIPTOR.services_by_name["AgentChecklistService"],
                AgentChecklistService(agents, filing, clock),
            ),
            (
                agent_roster_pb2.DESCRIPTOR.services_by_name["AgentRosterService"],
                AgentRosterService(agents, planner, clock),
            ),
            (inbox_pb2.DESCRIPTOR.services_by_name["InboxService"], InboxService(clock)),
            (process_pb2.DESCRIPTOR.services_by_name["ProcessService"], ProcessService(clock)),
            (safety_pb2.DESCRIPTOR.services_by_name["SafetyService"], SafetyService(filing, links, clock)),
            (schedule_change_pb2.DESCRIPTOR.services_by_name["ScheduleChangeService"], ScheduleChangeService()),
            (staff_schedule_pb2.DESCRIPTOR.services_by_name["StaffScheduleService"], StaffScheduleService(clock)),
            (staff_task_pb2.DESCRIPTOR.services_by_name["StaffTaskService"], StaffTaskService(pictures, clock)),
            (swap_pb2.DESCRIPTOR.services_by_name["SwapService"], SwapService()),
            (
                roster_pb2.DESCRIPTOR.services_by_name["RosterService"],
                RosterService(planner, clock),
            ),
        ],
        subscriptions=subscriptions(),
        jobs={
            **Reminders(core.database, clock).handlers(),
            **Recurring(core.database, clock).handlers(),
            **Housekeeping(core.database, filing).handlers(),
            **rosters.handlers(),
        },
        parts=[identity],
    )
