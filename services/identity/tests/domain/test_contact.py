"""Phone numbers and addresses as people type them."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.domain.contact import email_address, generated_email, is_generated_email, phone_digits

MOBILES = st.integers(min_value=600_000_000, max_value=699_999_999)
SEPARATORS = st.sampled_from(["", " ", "-", ".", "  "])
ANYTHING = st.text(max_size=40)


def spelled(digits: str, separator: str) -> str:
    return separator.join(digits[i : i + 2] for i in range(0, len(digits), 2))


@given(national=MOBILES, separator=SEPARATORS)
def test_every_spelling_of_a_number_is_the_same_number(national: int, separator: str) -> None:
    expected = f"212{national}"
    local = spelled(f"0{national}", separator)
    abroad = spelled(expected, separator)
    for text in (local, f"+{abroad}", f"00{abroad}", abroad, f"whatsapp:+{abroad}", f"(+212) {national}"):
        assert phone_digits(text) == expected


@given(first=MOBILES, second=MOBILES)
def test_different_numbers_stay_different(first: int, second: int) -> None:
    assert (phone_digits(f"0{first}") == phone_digits(f"+212{second}")) is (first == second)


@pytest.mark.parametrize("country", ["FR", "ES", "US", "GB", "DE", "SN", "AE", "SA"])
def test_numbers_of_other_countries_keep_their_country_code(country: str) -> None:
    number = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
    assert number is not None
    canonical = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    for style in (phonenumbers.PhoneNumberFormat.INTERNATIONAL, phonenumbers.PhoneNumberFormat.RFC3966):
        assert phone_digits(phonenumbers.format_number(number, style)) == canonical.lstrip("+")


@given(ANYTHING)
def test_any_text_gives_ascii_digits_or_nothing(text: str) -> None:
    digits = phone_digits(text)
    assert digits is None or (digits.isascii() and digits.isdigit() and 4 <= len(digits) <= 17)


@pytest.mark.parametrize("text", [None, "", "   ", "abc", "%", "+", "12", "phone", "٪"])
def test_what_holds_no_number_matches_nobody(text: str | None) -> None:
    assert phone_digits(text) is None


@given(ANYTHING)
def test_addresses_are_refused_or_stable(text: str) -> None:
    address = email_address(text)
    assert address is None or email_address(address) == address


@pytest.mark.parametrize(
    "text", ["", "nobody", "a@b@c.com", "a b@c.com", "a@", "@c.com", "a@c..com", "x" * 300 + "@c.com"]
)
def test_malformed_addresses_are_none(text: str) -> None:
    assert email_address(text) is None


def test_generated_addresses_are_recognised() -> None:
    assert is_generated_email(generated_email("212600000001"))
    assert not is_generated_email("amina@mizan.ai")
    assert not is_generated_email("212600000001@example.com")
