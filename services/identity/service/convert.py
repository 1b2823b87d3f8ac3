"""Rows to messages."""

from typing import Any

from mizan.identity.v1 import account_pb2
from servicekit.clock import timestamp_of
from services.identity.domain import roles


def restaurant_message(row: Any) -> account_pb2.Restaurant:
    """The restaurant of a row with `r_` columns."""
    return account_pb2.Restaurant(
        id=str(row.r_id),
        name=row.r_name,
        address=row.r_address,
        phone=row.r_phone,
        email=row.r_email,
        latitude=_text(row.r_latitude),
        longitude=_text(row.r_longitude),
        radius=_text(row.r_radius),
        geofence_enabled=row.r_geofence_enabled,
        geofence_polygon=row.r_geofence_polygon,
        timezone=row.r_timezone,
        currency=row.r_currency,
        language=row.r_language,
        operating_hours=row.r_operating_hours,
        automatic_clock_out=row.r_automatic_clock_out,
        break_duration=row.r_break_duration,
        email_notifications=row.r_email_notifications,
        push_notifications=row.r_push_notifications,
        general_settings=row.r_general_settings,
        settings_schema_version=row.r_settings_version,
        restaurant_type=row.r_restaurant_type,
        max_weekly_hours=str(row.r_max_weekly_hours),
        min_rest_hours=str(row.r_min_rest_hours),
        pos_provider=row.r_pos_provider,
        pos_merchant_id=row.r_pos_merchant_id,
        pos_is_connected=row.r_pos_is_connected,
        pos_location_id=row.r_pos_location_id,
        created_at=timestamp_of(row.r_created_at),
        updated_at=timestamp_of(row.r_updated_at),
        pos_token_expires_at=timestamp_of(row.r_pos_token_expires_at),
    )


def profile_message(row: Any) -> account_pb2.Profile | None:
    """The profile of a row with `p_` columns, or None when the person has none."""
    if row.p_user_id is None:
        return None
    return account_pb2.Profile(
        hourly_rate=str(row.p_hourly_rate),
        salary_type=row.p_salary_type,
        join_date=_text(row.p_join_date),
        promotion_history=row.p_promotion_history,
        emergency_contact_name=row.p_emergency_contact_name,
        emergency_contact_phone=row.p_emergency_contact_phone,
        notes=row.p_notes,
        department=row.p_department,
    )


def user_message(row: Any, restaurant: account_pb2.Restaurant | None = None) -> account_pb2.User:
    """The account of a row, with its restaurant: the one given, or that of the row's own `r_` columns."""
    if restaurant is None and row.restaurant_id is not None:
        restaurant = restaurant_message(row)
    message = account_pb2.User(
        id=str(row.id),
        email=row.email,
        first_name=row.first_name,
        last_name=row.last_name,
        role=row.role,
        role_display=roles.label(row.role),
        phone=row.phone,
        is_verified=row.is_verified,
        is_active=row.is_active,
        profile=profile_message(row),
        preferred_language=row.preferred_language,
        created_at=timestamp_of(row.created_at),
        updated_at=timestamp_of(row.updated_at),
    )
    if restaurant is not None:
        message.restaurant = restaurant.id
        message.restaurant_name = restaurant.name
        message.restaurant_data.CopyFrom(restaurant)
    return message


def work_stats(row: Any | None) -> account_pb2.WorkStats:
    """The hours of a row of minutes; none of somebody without one."""
    if row is None:
        return account_pb2.WorkStats()
    week, month, year = (round(minutes / 60, 2) for minutes in (row.week, row.month, row.year))
    return account_pb2.WorkStats(hours_weekly=week, hours_monthly=month, hours_yearly=year)


def user_slim(row: Any, *, with_records: bool = True) -> account_pb2.UserSlim:
    """The person of a row of `queries.people`; without records, what any colleague may know."""
    return account_pb2.UserSlim(
        id=str(row.id),
        email=row.email,
        first_name=row.first_name,
        last_name=row.last_name,
        role=row.role,
        restaurant=_text(row.restaurant_id),
        restaurant_name=row.restaurant_name,
        is_verified=row.is_verified,
        phone=row.phone if with_records else None,
        profile=profile_message(row) if with_records else None,
        created_at=timestamp_of(row.created_at),
        updated_at=timestamp_of(row.updated_at),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
