"""What the mail of a one-time link needs."""

import sqlalchemy as sa
from sqlalchemy import bindparam

from servicekit.db import Query
from services.identity.models import OneTimeToken, Restaurant, User

LINK = Query(
    sa.select(
        OneTimeToken.id,
        OneTimeToken.purpose,
        OneTimeToken.created_at,
        OneTimeToken.expires_at,
        User.email,
        User.first_name,
        sa.func.coalesce(User.preferred_language, Restaurant.language, "en").label("language"),
    )
    .join(User, User.id == OneTimeToken.user_id)
    .outerjoin(Restaurant, Restaurant.id == User.restaurant_id)
    .where(OneTimeToken.id == bindparam("token_id", type_=sa.Uuid), User.is_active)
)
"""One unused link of somebody active, with where and in which language it goes."""
