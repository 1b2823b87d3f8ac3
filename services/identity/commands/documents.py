"""Keeping documents about people."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.errors import Forbidden, NotFound
from servicekit.files import StoredFile
from servicekit.identity import Principal
from services.identity import events
from services.identity.commands.profiles import RECORDS
from services.identity.domain import roles
from services.identity.filing import discard
from services.identity.models import StaffDocument, User


async def ensure_may_file(session: AsyncSession, principal: Principal, staff_id: UUID) -> None:
    """Raises NotFound for somebody who is not of the restaurant, Forbidden for somebody else's records."""
    role = await session.scalar(sa.select(User.role).where(User.id == staff_id, User.restaurant_id == principal.tenant))
    if role is None:
        raise NotFound("No User matches the given query.")
    if staff_id == principal.user_id:
        return
    if not (principal.may(RECORDS) and roles.may_manage(principal.role, role)):
        raise Forbidden


def add(
    session: AsyncSession,
    principal: Principal,
    staff_id: UUID,
    title: str,
    file: StoredFile,
    expires_on: date | None,
    now: datetime,
) -> StaffDocument:
    """A new document about a person."""
    document = StaffDocument(
        id=uuid4(),
        restaurant_id=principal.tenant,
        staff_id=staff_id,
        title=title,
        file_key=file.key,
        content_type=file.content_type,
        size=file.size,
        sha256=file.sha256,
        expires_on=expires_on,
        uploaded_by=principal.user_id,
        uploaded_at=now,
    )
    session.add(document)
    return document


async def locked_document(session: AsyncSession, principal: Principal, document_id: UUID) -> StaffDocument:
    """A document that the caller may change, held against others. Raises NotFound or Forbidden."""
    document = await session.scalar(
        sa.select(StaffDocument)
        .where(StaffDocument.id == document_id, StaffDocument.restaurant_id == principal.tenant)
        .with_for_update()
    )
    if document is None:
        raise NotFound("No StaffDocument matches the given query.")
    keeps_records, own = principal.may(RECORDS), document.staff_id == principal.user_id
    if not keeps_records and not own:
        raise NotFound("No StaffDocument matches the given query.")
    if not keeps_records and document.uploaded_by != principal.user_id:
        raise Forbidden("You may change only documents that you uploaded.", code="not_your_upload")
    await ensure_may_file(session, principal, document.staff_id)
    return document


async def change(
    session: AsyncSession,
    principal: Principal,
    document: StaffDocument,
    changes: Mapping[str, Any],
    file: StoredFile | None,
) -> None:
    """Applies changes of title, person or expiry, and replaces the content when there is a new one.

    Raises NotFound or Forbidden for a person whom the caller may not file it under.
    """
    if "staff" in changes:
        await ensure_may_file(session, principal, changes["staff"])
        document.staff_id = changes["staff"]
    if "title" in changes:
        document.title = changes["title"]
    if "expires_on" in changes and changes["expires_on"] != document.expires_on:
        document.expires_on = changes["expires_on"]
        document.reminded_days = None
    if file is not None:
        await discard(session, principal.tenant, document.file_key)
        document.file_key = file.key
        document.content_type = file.content_type
        document.size = file.size
        document.sha256 = file.sha256
    await session.flush()


async def remove(session: AsyncSession, principal: Principal, document: StaffDocument) -> None:
    """Deletes a document; its file goes once that is committed."""
    await session.delete(document)
    await session.flush()
    await discard(session, principal.tenant, document.file_key)


async def remind(session: AsyncSession, document: Any, days: int) -> bool:
    """Says that a document runs out soon, unless that was said meanwhile; True when it was said now."""
    marked = await session.execute(
        sa.update(StaffDocument)
        .where(
            StaffDocument.id == document.id,
            StaffDocument.expires_on == document.expires_on,
            StaffDocument.reminded_days.is_not_distinct_from(document.reminded_days),
        )
        .values(reminded_days=days)
        .returning(StaffDocument.id)
    )
    if marked.first() is None:
        return False
    events.document_expiring(
        session,
        restaurant_id=document.restaurant_id,
        document_id=document.id,
        staff_id=document.staff_id,
        title=document.title,
        expires_on=document.expires_on,
    )
    return True
