"""What the mails say, in every language, as text and as a page."""

from datetime import timedelta
from email import message_from_bytes, policy
from html.parser import HTMLParser
from uuid import uuid4

import pytest

from services.identity.mails import LANGUAGES, Letter, addressed, invitation_letter, link_letter

FRONTEND = "https://app.example.com/"
TOKEN = "tok-en_123"
PAGES = {"VERIFY_EMAIL": "verify-email", "RESET_PASSWORD": "reset-password", "INVITATION": "accept-invitation"}
SUBJECTS = {
    ("VERIFY_EMAIL", "en"): "Confirm your email address",
    ("VERIFY_EMAIL", "fr"): "Confirmez votre adresse e-mail",
    ("VERIFY_EMAIL", "ar"): "تأكيد عنوان بريدك الإلكتروني",
    ("RESET_PASSWORD", "en"): "Choose a new password",
    ("RESET_PASSWORD", "fr"): "Choisissez un nouveau mot de passe",
    ("RESET_PASSWORD", "ar"): "اختيار كلمة مرور جديدة",
    ("INVITATION", "en"): "Café Zitoun invites you to its team",
    ("INVITATION", "fr"): "Café Zitoun vous invite à rejoindre son équipe",
    ("INVITATION", "ar"): "Café Zitoun: دعوة للانضمام إلى الفريق",
}


def letter(
    kind: str, language: str, *, name: str = "Amina", restaurant: str = "Café Zitoun", hours: int = 72
) -> Letter:
    lifetime = timedelta(hours=hours)
    if kind == "INVITATION":
        return invitation_letter(
            language, frontend_url=FRONTEND, token=TOKEN, name=name, restaurant=restaurant, lifetime=lifetime
        )
    return link_letter(kind, language, frontend_url=FRONTEND, token=TOKEN, name=name, lifetime=lifetime)


class Page(HTMLParser):
    """The attributes of a page's elements, and its text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def first(self, tag: str) -> dict[str, str | None]:
        return next(attributes for name, attributes in self.elements if name == tag)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", PAGES)
def test_a_mail_greets_says_and_links_in_both_parts(kind: str, language: str) -> None:
    made = letter(kind, language)
    link = f"https://app.example.com/{PAGES[kind]}?token={TOKEN}"
    assert made.subject == SUBJECTS[kind, language]
    page = Page(made.html)
    assert page.first("a")["href"] == link
    for part in (made.text, page.text):
        assert "Amina" in part
        assert link in part
        assert "{{" not in part
        assert "{%" not in part
        assert ("Café Zitoun" in part) is (kind == "INVITATION")


@pytest.mark.parametrize(
    ("language", "direction", "side"), [("en", "ltr", "left"), ("fr", "ltr", "left"), ("ar", "rtl", "right")]
)
@pytest.mark.parametrize("kind", PAGES)
def test_a_page_reads_in_its_languages_direction(kind: str, language: str, direction: str, side: str) -> None:
    page = Page(letter(kind, language).html)
    assert page.first("html") == {"lang": language, "dir": direction}
    assert page.first("body")["dir"] == direction
    cell = next(attributes for tag, attributes in page.elements if tag == "td" and attributes["align"] != "center")
    style = cell["style"] or ""
    assert cell["align"] == side
    assert f"text-align:{side}" in style
    assert ("Noto Naskh Arabic" in style) is (language == "ar")
    # The address itself is Latin and reads from the left wherever it stands.
    assert page.first("span")["dir"] == "ltr"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_people_call_themselves_is_text_and_never_markup(language: str) -> None:
    made = letter("INVITATION", language, name="<b>Ali</b>", restaurant='Chez "Max" & <script>alert(1)</script>')
    assert "<script>" not in made.html
    assert "<b>" not in made.html
    assert Page(made.html).text.count('Chez "Max" & <script>alert(1)</script>') >= 2
    assert 'Chez "Max" & <script>' in made.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_name_with_a_line_break_adds_no_header(language: str) -> None:
    made = letter("INVITATION", language, restaurant="Chez Max\r\nBcc: everybody@example.com")
    mail = addressed(made, sender="Mizan <no-reply@example.com>", to="a@example.com", reference=uuid4())
    sent = message_from_bytes(mail.as_bytes(), policy=policy.default)
    assert sent["Bcc"] is None
    assert "Bcc: everybody@example.com" in sent["Subject"]


@pytest.mark.parametrize(
    ("language", "days", "words"),
    [
        ("en", 1, "one day"),
        ("en", 7, "7 days"),
        ("fr", 1, "un jour"),
        ("fr", 30, "30 jours"),
        ("ar", 1, "يوم واحد"),
        ("ar", 2, "يومين"),
        ("ar", 7, "7 أيام"),
        ("ar", 30, "30 يومًا"),
    ],
)
def test_days_are_counted_as_the_language_counts(language: str, days: int, words: str) -> None:
    assert words in letter("INVITATION", language, hours=24 * days).text


@pytest.mark.parametrize(("language", "words"), [("en", "an hour"), ("fr", "une heure"), ("ar", "ساعة واحدة")])
def test_an_hour_is_said_in_words(language: str, words: str) -> None:
    assert words in letter("RESET_PASSWORD", language, hours=1).text


def test_an_unknown_language_is_english() -> None:
    assert letter("VERIFY_EMAIL", "de").subject == SUBJECTS["VERIFY_EMAIL", "en"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mail_survives_its_journey_as_bytes(language: str) -> None:
    made = letter("INVITATION", language)
    reference = uuid4()
    mail = addressed(made, sender="Mizan <no-reply@example.com>", to="a@example.com", reference=reference)
    sent = message_from_bytes(mail.as_bytes(policy=policy.SMTP), policy=policy.default)
    assert sent["Subject"] == made.subject
    assert sent["Message-ID"] == f"<{reference}@example.com>"
    assert sent["Auto-Submitted"] == "auto-generated"
    text, page = sent.get_body(("plain",)), sent.get_body(("html",))
    assert text is not None
    assert page is not None
    assert text.get_content().splitlines() == made.text.splitlines()
    assert page.get_content().splitlines() == made.html.splitlines()
