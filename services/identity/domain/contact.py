"""Phone numbers and addresses as people type them."""

from typing import Final

import email_validator
import phonenumbers

GENERATED_DOMAIN: Final = "mizan.ai"
MAX_EMAIL_LENGTH: Final = 254
SHORTEST_NUMBER: Final = 6
LONGEST_NUMBER: Final = 15


def phone_digits(phone: str | None, region: str = "MA") -> str | None:
    """The number's digits with country code, by which two spellings of it are one; None for what is no number.

    A number without a country code is read as one of `region`. Numbers that the library does not know keep their bare
    digits, as long as there are between 6 and 15 of them.
    """
    if not phone:
        return None
    try:
        parsed = phonenumbers.parse(phone, region)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is not None and phonenumbers.is_possible_number(parsed):
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164).lstrip("+")
    digits = "".join(character for character in phone if character in "0123456789")
    return digits if SHORTEST_NUMBER <= len(digits) <= LONGEST_NUMBER else None


def email_address(text: str) -> str | None:
    """The address with its domain in lower case, or None for what is none; whether it can be reached is not asked."""
    try:
        found = email_validator.validate_email(text.strip(), check_deliverability=False, test_environment=True)
    except email_validator.EmailNotValidError:
        return None
    return found.normalized if len(found.normalized) <= MAX_EMAIL_LENGTH else None


def generated_email(digits: str) -> str:
    """The address of somebody who was invited by phone and gave none; nothing is ever mailed there."""
    return f"{digits}@{GENERATED_DOMAIN}"


def is_generated_email(email: str) -> bool:
    """Whether an address was generated from a phone number."""
    local, _, domain = email.partition("@")
    return domain == GENERATED_DOMAIN and local.isdigit()
