"""Giving a restaurant the checklists that it begins with."""

from uuid import UUID, uuid4

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from mizan.scheduling.events.v1 import events_pb2 as facts
from services.scheduling import events
from services.scheduling.domain.library import LibraryChecklist, checklists_for
from services.scheduling.models import ChecklistStep, ChecklistTemplate


async def seed(session: AsyncSession, restaurant_id: UUID, kind: str) -> int:
    """Writes the built-in checklists that a restaurant has not had yet; how many."""
    return sum([await _write(session, restaurant_id, checklist) for checklist in checklists_for(kind)])


async def _write(session: AsyncSession, restaurant_id: UUID, checklist: LibraryChecklist) -> bool:
    template_id = uuid4()
    row = {
        "id": template_id,
        "restaurant_id": restaurant_id,
        "name": checklist.name,
        "category": checklist.category,
        "estimated_minutes": checklist.minutes,
        "requires_supervisor_approval": checklist.needs_approval,
        "seed": checklist.key,
    }
    template = await session.scalar(
        insert(ChecklistTemplate).values(row).on_conflict_do_nothing().returning(ChecklistTemplate)
    )
    if template is None:
        return False
    session.add_all(
        ChecklistStep(
            restaurant_id=restaurant_id,
            template_id=template_id,
            place=place,
            title=step.title,
            step_type=step.type,
            measurement_type="TEMPERATURE" if step.is_temperature else None,
            measurement_unit="°C" if step.is_temperature else None,
            min_value=step.minimum,
            max_value=step.maximum,
        )
        for place, step in enumerate(checklist.steps, 1)
    )
    await session.flush()
    events.template_changed(session, facts.TemplateCreated, template)
    return True
