"""Texts as people type them."""

from servicekit.errors import Invalid


def tidy_name(text: str, field: str = "name") -> str:
    """A name in one line, without spaces around it or runs of them inside. Raises Invalid when nothing else is left."""
    name = " ".join(text.split())
    if not name:
        raise Invalid.field(field, "This field may not be blank.", code="blank")
    return name
