"""Procedures, safety checklists, incidents and recognitions."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import ARRAY

import refdata
from servicekit.db import Query, Reader, Reading
from servicekit.errors import NotFound
from servicekit.paging import Page, read_page
from services.scheduling.models import Incident, Procedure, Recognition, SafetyChecklist

_RESTAURANT = bindparam("restaurant_id", type_=sa.Uuid)
_SEARCH = bindparam("search", None, type_=sa.Text)
_VIEWER = bindparam("viewer", None, type_=sa.Uuid)


def _matches(column: Any, name: str) -> Any:
    wanted = bindparam(name, None, type_=sa.Text)
    return sa.or_(wanted.is_(None), column == wanted)


def _found_in(*columns: Any) -> Any:
    wanted = sa.func.lower(_SEARCH)
    return sa.or_(_SEARCH.is_(None), *(sa.func.strpos(sa.func.lower(column), wanted) > 0 for column in columns))


class Listing:
    """The queries of one kind of thing: its list in an order, and one by its id."""

    def __init__(self, model: Any, statement: Any, *conditions: Any, order: tuple[Any, ...], name: str) -> None:
        mine = (model.restaurant_id == _RESTAURANT, *conditions)
        self._name = name
        self._count = Query(sa.select(sa.func.count()).select_from(model).where(*mine))
        self._rows = Query(
            statement.where(*mine)
            .order_by(*order)
            .limit(bindparam("limit", type_=sa.Integer))
            .offset(bindparam("offset", type_=sa.Integer))
        )
        self._one = Query(
            statement.where(model.restaurant_id == _RESTAURANT, model.id == bindparam("id", type_=sa.Uuid))
        )

    async def page(self, reader: Reader, restaurant_id: UUID, page: Page, **chosen: Any) -> tuple[int, list[Any]]:
        """How many there are, and those of one page. Raises NotFound beyond the end."""
        return await read_page(reader, self._count, self._rows, page, restaurant_id=restaurant_id, **chosen)

    async def one(self, reading: Reading, restaurant_id: UUID, wanted: UUID) -> Any:
        """One by its id. Raises NotFound."""
        row = await reading.first(self._one, restaurant_id=restaurant_id, id=wanted)
        if row is None:
            raise NotFound(f"No {self._name} matches the given query.")
        return row


_PERSON = (refdata.staff_ref.c.first_name, refdata.staff_ref.c.last_name, refdata.staff_ref.c.email)


def _person_as(name: str, restaurant_id: Any, user_id: Any) -> Any:
    """Somebody whom a row names beside its own person, as JSON with the fields of PersonInfo; null for nobody."""
    person = refdata.staff_ref.alias()
    fields = ("id", person.c.user_id, "first_name", person.c.first_name, "last_name", person.c.last_name)
    return (
        sa.select(sa.func.json_build_object(*fields, "email", person.c.email))
        .where(person.c.restaurant_id == restaurant_id, person.c.user_id == user_id)
        .scalar_subquery()
        .label(name)
    )


PROCEDURES = Listing(
    Procedure,
    sa.select(*Procedure.__table__.columns),
    _matches(Procedure.safety_level, "safety_level"),
    _found_in(Procedure.title, Procedure.description, Procedure.safety_level),
    order=(Procedure.title, Procedure.id),
    name="StandardOperatingProcedure",
)
SAFETY_CHECKLISTS = Listing(
    SafetyChecklist,
    sa.select(
        *SafetyChecklist.__table__.columns,
        _person_as("finisher", SafetyChecklist.restaurant_id, SafetyChecklist.completed_by),
    ),
    _matches(SafetyChecklist.frequency, "frequency"),
    _found_in(SafetyChecklist.title, SafetyChecklist.description),
    order=(SafetyChecklist.title, SafetyChecklist.id),
    name="SafetyChecklist",
)
INCIDENTS = Listing(
    Incident,
    sa.select(
        *Incident.__table__.columns,
        *_PERSON,
        Incident.reporter_id.label("user_id"),
        _person_as("resolver", Incident.restaurant_id, Incident.resolved_by),
    ).outerjoin(refdata.staff_ref, refdata.is_staff(Incident.restaurant_id, Incident.reporter_id)),
    _matches(Incident.status, "status"),
    _matches(Incident.severity, "severity"),
    _found_in(Incident.title, Incident.description, Incident.location),
    sa.or_(_VIEWER.is_(None), Incident.reporter_id == _VIEWER, Incident.is_anonymous),
    order=(Incident.created_at.desc(), Incident.id),
    name="SafetyConcernReport",
)
RECOGNITIONS = Listing(
    Recognition,
    sa.select(
        *Recognition.__table__.columns,
        *_PERSON,
        Recognition.staff_id.label("user_id"),
        _person_as("giver", Recognition.restaurant_id, Recognition.awarded_by),
    ).outerjoin(refdata.staff_ref, refdata.is_staff(Recognition.restaurant_id, Recognition.staff_id)),
    sa.or_(_VIEWER.is_(None), Recognition.staff_id == _VIEWER),
    order=(Recognition.awarded_at.desc(), Recognition.id),
    name="SafetyRecognition",
)
_PROCEDURES_BY_IDS = Query(
    sa.select(*Procedure.__table__.columns).where(
        Procedure.restaurant_id == _RESTAURANT, Procedure.id == sa.any_(bindparam("ids", type_=ARRAY(sa.Uuid)))
    )
)
_PHOTOS = Query(sa.select(Incident.photo_evidence).where(Incident.id == bindparam("id", type_=sa.Uuid)))
_LEADERS = Query(
    sa.select(
        Recognition.staff_id,
        *_PERSON,
        refdata.staff_ref.c.role,
        sa.func.sum(Recognition.points).label("total_points"),
        sa.func.count().label("recognition_count"),
    )
    .join(refdata.staff_ref, refdata.is_staff(Recognition.restaurant_id, Recognition.staff_id))
    .where(Recognition.restaurant_id == _RESTAURANT)
    .group_by(Recognition.staff_id, *_PERSON, refdata.staff_ref.c.role)
    .order_by(sa.func.sum(Recognition.points).desc(), Recognition.staff_id)
    .limit(10)
)


async def leaders(reader: Reader, restaurant_id: UUID) -> list[Any]:
    """The ten people with the most points."""
    return list(await reader.all(_LEADERS, restaurant_id=restaurant_id))


async def photos_of(reading: Reading, incident_id: UUID) -> Any:
    """The pictures of a report; `reading` sees every restaurant."""
    row = await reading.first(_PHOTOS, id=incident_id)
    return row.photo_evidence if row is not None else []


async def procedures_by_ids(reading: Reading, restaurant_id: UUID, ids: list[UUID]) -> dict[UUID, Any]:
    """Several procedures by their ids."""
    return {row.id: row for row in await reading.all(_PROCEDURES_BY_IDS, restaurant_id=restaurant_id, ids=ids)}
