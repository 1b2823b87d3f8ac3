"""The languages that people may choose."""

from typing import Final, NamedTuple


class LanguageFacts(NamedTuple):
    """A language with its own name and writing direction."""

    code: str
    name: str
    native_name: str
    right_to_left: bool = False


LANGUAGES: Final = (
    LanguageFacts("en", "English", "English"),
    LanguageFacts("fr", "French", "Français"),
    LanguageFacts("ar", "Arabic", "العربية", right_to_left=True),
)
