"""Identity's tables."""

import entitlements
from services.identity.models.access import ApiKey, Role
from services.identity.models.audit import AuditEntry
from services.identity.models.base import Base
from services.identity.models.document import StaffDocument
from services.identity.models.invitation import Invitation, InvitationDelivery
from services.identity.models.language import Language
from services.identity.models.report import KeptReport
from services.identity.models.restaurant import Restaurant
from services.identity.models.session import Device, LoginFailure, OneTimeToken, Session
from services.identity.models.staff_request import (
    StaffRequest,
    StaffRequestAttachment,
    StaffRequestComment,
)
from services.identity.models.user import PerformanceMetric, StaffProfile, User
from services.identity.models.work import WorkedSession

TENANT_TABLES = {
    "restaurants": "id",
    "users": "restaurant_id",
    "staff_profiles": "restaurant_id",
    "performance_metrics": "restaurant_id",
    "sessions": "restaurant_id",
    "devices": "restaurant_id",
    "roles": "restaurant_id",
    "api_keys": "restaurant_id",
    "invitations": "restaurant_id",
    "invitation_deliveries": "restaurant_id",
    "staff_documents": "restaurant_id",
    "staff_requests": "restaurant_id",
    "staff_request_comments": "restaurant_id",
    "staff_request_attachments": "restaurant_id",
    "audit_entries": "restaurant_id",
    "worked_sessions": "restaurant_id",
    "kept_reports": "restaurant_id",
    **entitlements.TENANT_TABLES,
}
"""Tables under row-level security, with the column that names the restaurant."""

PLATFORM_TABLES = frozenset({"one_time_tokens", "login_failures", "languages"})
"""Tables that belong to no restaurant; reached only through keyed digests or the same for everybody."""

__all__ = [
    "PLATFORM_TABLES",
    "TENANT_TABLES",
    "ApiKey",
    "AuditEntry",
    "Base",
    "Device",
    "Invitation",
    "InvitationDelivery",
    "KeptReport",
    "Language",
    "LoginFailure",
    "OneTimeToken",
    "PerformanceMetric",
    "Restaurant",
    "Role",
    "Session",
    "StaffDocument",
    "StaffProfile",
    "StaffRequest",
    "StaffRequestAttachment",
    "StaffRequestComment",
    "User",
    "WorkedSession",
]
