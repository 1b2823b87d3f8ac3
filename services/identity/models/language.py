"""The languages that people may choose."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from services.identity.models.base import Base


class Language(Base):
    """A language with its own name and writing direction."""

    __tablename__ = "languages"

    code: Mapped[str] = mapped_column(sa.String(10), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(60))
    native_name: Mapped[str] = mapped_column(sa.String(60))
    right_to_left: Mapped[bool] = mapped_column(server_default=sa.false())
