"""Notify's tables."""

import refdata
from services.notify.models.alerts import Alert
from services.notify.models.announcements import Announcement, Attachment, DeliveryIssue
from services.notify.models.base import Base
from services.notify.models.chat import ChatMember, ChatMessage, ChatRoom
from services.notify.models.notifications import Delivery, DeviceToken, Notification, ProviderPace, ShiftRef
from services.notify.models.preferences import Preferences
from services.notify.models.whatsapp import WhatsAppMessage, WhatsAppSession

TENANT_TABLES = {
    "alerts": "restaurant_id",
    "announcements": "restaurant_id",
    "attachments": "restaurant_id",
    "chat_members": "restaurant_id",
    "chat_messages": "restaurant_id",
    "chat_rooms": "restaurant_id",
    "deliveries": "restaurant_id",
    "delivery_issues": "restaurant_id",
    "device_tokens": "restaurant_id",
    "notifications": "restaurant_id",
    "preferences": "restaurant_id",
    "shift_refs": "restaurant_id",
    "whatsapp_sessions": "restaurant_id",
    **refdata.TENANT_TABLES,
}
"""Tables under row-level security, with the column that names the restaurant."""

PLATFORM_TABLES = frozenset({"provider_paces", "whatsapp_messages"})
"""Tables that belong to no restaurant: how fast providers are asked, and messages whose sender is not known yet."""

__all__ = [
    "PLATFORM_TABLES",
    "TENANT_TABLES",
    "Alert",
    "Announcement",
    "Attachment",
    "Base",
    "ChatMember",
    "ChatMessage",
    "ChatRoom",
    "Delivery",
    "DeliveryIssue",
    "DeviceToken",
    "Notification",
    "Preferences",
    "ProviderPace",
    "ShiftRef",
    "WhatsAppMessage",
    "WhatsAppSession",
]
