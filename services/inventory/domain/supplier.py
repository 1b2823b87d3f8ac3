"""Rules about suppliers."""

import re
from typing import Final

_SEPARATORS: Final = re.compile(r"[\s().-]")
_NUMBER: Final = re.compile(r"\+?[0-9]{10,15}")


def is_phone(text: str) -> bool:
    """Whether a text is a phone number: 10 to 15 digits, a + before them or not, separators between them or not."""
    return _NUMBER.fullmatch(_SEPARATORS.sub("", text)) is not None
