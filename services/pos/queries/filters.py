"""Conditions that lists share."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam


def is_or_any(column: sa.SQLColumnExpression[Any], name: str, type_: Any) -> sa.ColumnElement[bool]:
    """The column has the parameter's value; every row where that is None."""
    # PostgreSQL cannot tell the type of a parameter that is only compared with NULL.
    value = sa.cast(bindparam(name, type_=type_), type_)
    return sa.or_(value.is_(None), column == value)


def contains(name: str, *columns: sa.SQLColumnExpression[Any]) -> sa.ColumnElement[bool]:
    """One of the columns contains the parameter's text, in whatever case; every row where that is None."""
    value = sa.cast(bindparam(name, type_=sa.Text), sa.Text)
    return sa.or_(
        value.is_(None), *(sa.func.strpos(sa.func.lower(column), sa.func.lower(value)) > 0 for column in columns)
    )


def mine(column: sa.SQLColumnExpression[Any]) -> sa.ColumnElement[bool]:
    """The row belongs to the parameter `restaurant_id`."""
    return column == bindparam("restaurant_id", type_=sa.Uuid)


LIMIT: Any = bindparam("limit", type_=sa.Integer)
OFFSET: Any = bindparam("offset", type_=sa.Integer)
