"""The declarative base of pos's tables."""

from sqlalchemy.orm import DeclarativeBase

import refdata
from servicekit import tables

metadata = tables.metadata()
tables.attach(metadata)
refdata.attach(metadata)


class Base(DeclarativeBase):
    """Every table of pos; beside them the runtime's own, and the copies of restaurants and staff."""

    metadata = metadata
