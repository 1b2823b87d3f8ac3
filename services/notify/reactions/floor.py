"""The work on the floor: incidents, tasks and checklists."""

from collections.abc import Iterable
from uuid import UUID

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.scheduling.events.v1 import events_pb2 as facts
from servicekit.events import Envelope
from servicekit.inbox import Handler
from services.notify.commands.telling import News
from services.notify.reactions.base import Reactions, day, moment
from services.notify.texts import Coded, Day, Time

SEVERITIES = {"CRITICAL": "URGENT", "HIGH": "HIGH", "MEDIUM": "MEDIUM", "LOW": "LOW"}


class FloorReactions(Reactions):
    """Reacts to scheduling's facts about what is done and found during the work."""

    def handlers(self) -> dict[type[Message], Handler]:
        """Its handlers, by event."""
        return {
            facts.IncidentReported: self.incident_reported,
            facts.IncidentUpdated: self.incident_updated,
            facts.TaskCreated: self.task_created,
            facts.TaskUpdated: self.task_updated,
            facts.TaskOverdue: self.task_overdue,
            facts.ChecklistAssigned: self.checklist_assigned,
            facts.ChecklistCompleted: self.checklist_completed,
            facts.ChecklistReviewed: self.checklist_reviewed,
            facts.ChecklistActionOpened: self.action_opened,
            facts.RecurrenceFailed: self.recurrence_failed,
        }

    # Incidents

    async def incident_reported(
        self, session: AsyncSession, event: facts.IncidentReported, _envelope: Envelope
    ) -> None:
        """Tells the managers; a critical one at any hour."""
        incident = event.incident
        critical = incident.severity == "CRITICAL"
        news = News(
            key=f"incident {incident.id} reported",
            kind="EMERGENCY" if critical else "COMPLIANCE_ALERT",
            text="incident_reported",
            words={
                "incident": incident.title,
                "name": await self.name(session, incident.restaurant_id, incident.reporter_id),
            },
            priority=SEVERITIES.get(incident.severity),
            data={"incident_id": incident.id, "severity": incident.severity, "type": incident.incident_type},
        )
        whom: list[str | UUID] = [*await self.managers(session, incident.restaurant_id), incident.assigned_to]
        await self.tell(session, incident.restaurant_id, whom, news, but=incident.reporter_id)

    async def incident_updated(self, session: AsyncSession, event: facts.IncidentUpdated, _envelope: Envelope) -> None:
        """Tells whoever reported it how far it is, and whoever looks after it."""
        incident = event.incident
        news = News(
            key=f"incident {incident.id} {incident.status}",
            kind="COMPLIANCE_ALERT",
            text="incident_updated",
            words={"incident": incident.title, "status": Coded(incident.status)},
            channels=("app", "push"),
            priority="MEDIUM",
            data={"incident_id": incident.id, "status": incident.status},
        )
        whom = [incident.assigned_to] if event.is_edit else [incident.reporter_id, incident.assigned_to]
        await self.tell(session, incident.restaurant_id, whom, news)

    # Tasks and checklists

    async def task_created(self, session: AsyncSession, event: facts.TaskCreated, _envelope: Envelope) -> None:
        """Tells those who got it."""
        await self._tell_task(session, event.task, event.task.assigned_to)

    async def task_updated(self, session: AsyncSession, event: facts.TaskUpdated, _envelope: Envelope) -> None:
        """Tells those who got it now, and its maker when it is done."""
        task = event.task
        await self._tell_task(session, task, set(task.assigned_to) - set(event.previous_assigned_to))
        if task.status != "COMPLETED" or event.previous_status == "COMPLETED" or not task.created_by:
            return
        names = [await self.name(session, task.restaurant_id, one) for one in task.assigned_to]
        news = News(
            key=f"task {task.id} completed v{task.version}",
            kind="TASK_COMPLETED",
            text="task_completed",
            words={"name": ", ".join(name for name in names if name) or "–", "task": task.title},
            data={"task_id": task.id},
            related_task_id=UUID(task.id),
        )
        await self.tell(session, task.restaurant_id, {task.created_by} - set(task.assigned_to), news)

    async def task_overdue(self, session: AsyncSession, event: facts.TaskOverdue, _envelope: Envelope) -> None:
        """Tells those who have it, and its maker."""
        task = event.task
        news = News(
            key=f"task {task.id} overdue {task.due_date}",
            kind="TASK_OVERDUE",
            text="task_overdue",
            words={"task": task.title},
            data={"task_id": task.id},
            related_task_id=UUID(task.id),
        )
        await self.tell(session, task.restaurant_id, [*task.assigned_to, task.created_by], news)

    async def _tell_task(self, session: AsyncSession, task: facts.TaskFacts, people: Iterable[str]) -> None:
        # The tasks of a shift are what the shift is; people see them there.
        if task.status in ("COMPLETED", "CANCELLED") or task.kind == "SHIFT":
            return
        news = News(
            key=f"task {task.id} assigned v{task.version}",
            kind="TASK_ASSIGNED",
            text="task_assigned",
            words={"task": task.title, "date": Day(day(task.due_date)) if task.due_date else ""},
            priority=task.priority or None,
            data={"task_id": task.id},
            related_task_id=UUID(task.id),
        )
        await self.tell(session, task.restaurant_id, people, news, but=task.created_by)

    async def checklist_assigned(
        self, session: AsyncSession, event: facts.ChecklistAssigned, _envelope: Envelope
    ) -> None:
        """Tells whoever got it from somebody; one that came with the shift is seen there."""
        checklist = event.checklist
        if not event.assigned_by:
            return
        due = checklist.HasField("due_at")
        news = News(
            key=f"checklist {checklist.id} assigned {checklist.assigned_to}",
            kind="TASK_ASSIGNED",
            text="checklist_assigned",
            words={
                "checklist": checklist.name,
                "date": Day(moment(checklist.due_at)) if due else "",
                "time": Time(moment(checklist.due_at)) if due else "",
            },
            data={"execution_id": checklist.id},
        )
        await self.tell(session, checklist.restaurant_id, [checklist.assigned_to], news, but=event.assigned_by)

    async def checklist_completed(
        self, session: AsyncSession, event: facts.ChecklistCompleted, _envelope: Envelope
    ) -> None:
        """Tells the managers of what waits for their approval or has readings out of range."""
        checklist = event.checklist
        if not checklist.requires_approval and not event.out_of_range_measurements:
            return
        news = News(
            key=f"checklist {checklist.id} {checklist.assigned_to}",
            kind="COMPLIANCE_ALERT" if event.out_of_range_measurements else "TASK_COMPLETED",
            text="checklist_submitted",
            words={
                "name": await self.name(session, checklist.restaurant_id, checklist.assigned_to),
                "checklist": checklist.name,
                "note": "",
            },
            channels=("app", "push"),
            data={"execution_id": checklist.id},
        )
        managers = await self.managers(session, checklist.restaurant_id)
        await self.tell(session, checklist.restaurant_id, managers, news, but=checklist.assigned_to)

    async def checklist_reviewed(
        self, session: AsyncSession, event: facts.ChecklistReviewed, _envelope: Envelope
    ) -> None:
        """Tells whoever handed it in."""
        checklist = event.checklist
        verdict = checklist.review_status.lower()
        if verdict not in ("approved", "rejected"):
            return
        news = News(
            key=f"checklist {checklist.id} {verdict} v{checklist.version}",
            kind="TASK_COMPLETED" if verdict == "approved" else "TASK_ASSIGNED",
            text=f"checklist_{verdict}",
            words={"checklist": checklist.name, "reason": event.reason},
            data={"execution_id": checklist.id},
        )
        await self.tell(session, checklist.restaurant_id, [checklist.assigned_to], news, but=event.reviewed_by)

    async def action_opened(
        self, session: AsyncSession, event: facts.ChecklistActionOpened, _envelope: Envelope
    ) -> None:
        """Tells whoever is to follow it up, or the managers."""
        due = event.HasField("due_at")
        news = News(
            key=f"action {event.id}",
            kind="TASK_ASSIGNED",
            text="action_opened",
            words={
                "task": event.title,
                "date": Day(moment(event.due_at)) if due else "",
                "note": event.description,
            },
            priority=event.priority or None,
            data={"action_id": event.id, "execution_id": event.checklist_id},
        )
        whom = [event.assigned_to] if event.assigned_to else await self.managers(session, event.restaurant_id)
        await self.tell(session, event.restaurant_id, whom, news)

    async def recurrence_failed(
        self, session: AsyncSession, event: facts.RecurrenceFailed, _envelope: Envelope
    ) -> None:
        """Tells the managers."""
        news = News(
            key=f"recurrence {event.template_id} {event.day}",
            kind="SYSTEM_ALERT",
            text="recurrence_failed",
            words={"task": event.template_name, "date": Day(day(event.day))},
            data={"template_id": event.template_id},
        )
        await self.tell(session, event.restaurant_id, await self.managers(session, event.restaurant_id), news)
