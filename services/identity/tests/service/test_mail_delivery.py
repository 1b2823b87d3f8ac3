"""Mail from the change that asks for it to the mailbox, over real SMTP, and what becomes of it when that fails."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from aiosmtpd.smtp import SMTP, Envelope, Session
from google.protobuf.empty_pb2 import Empty
from google.protobuf.field_mask_pb2 import FieldMask
from pydantic import SecretStr

from mizan.identity.v1 import acceptance_pb2, auth_pb2, invitation_pb2, settings_pb2, user_pb2
from servicekit.db import SYSTEM
from servicekit.grpc_client import RemoteRefusal
from servicekit.identity import ANONYMOUS
from servicekit.jobs import Job
from servicekit.mail import MailServer
from servicekit.testing.clock import MovableClock
from servicekit.testing.events import eventually
from servicekit.testing.fixtures import SettingsOf
from servicekit.testing.service import Api, RunningService
from services.identity import mails
from services.identity.jobs import MailJobs
from services.identity.models import InvitationDelivery, OneTimeToken
from services.identity.settings import Settings
from services.identity.tests.conftest import PASSWORD, Owner, register
from services.identity.vault import build_vault
from tools.devkeys import DevKeys
from tools.mailbox import Mailbox, Message, serve

WAIT_SECONDS = 20.0
SENDER = "Mizan <no-reply@example.com>"


class Post(Mailbox):
    """A mailbox whose server knows no `nobody...` and has no time for `later...`."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        self.asked.append(address)
        if address.startswith("nobody"):
            return "550 5.1.1 no such user"
        if address.startswith("later"):
            return "451 4.3.0 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"


class RunningPost:
    """The mail server in a thread of its own."""

    def __init__(self, post: Post, url: str, loop: asyncio.AbstractEventLoop) -> None:
        self.post = post
        self.url = url
        self._loop = loop

    async def mail_for(self, to: str) -> Message:
        """The newest mail for somebody, as soon as there is one."""
        waiting = asyncio.run_coroutine_threadsafe(self.post.wait_for(to, WAIT_SECONDS), self._loop)
        found = await asyncio.wrap_future(waiting)
        assert found, f"no mail for {to}"
        return found[0]

    def received(self, to: str) -> int:
        """How many mails somebody got so far."""
        return len(self.post.messages(to))


@contextmanager
def running_post() -> Iterator[RunningPost]:
    loop, ready, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    started: list[RunningPost] = []

    async def work() -> None:
        post = Post()
        async with serve(post) as addresses:
            started.append(RunningPost(post, addresses.smtp_url, loop))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(work(),), name="post", daemon=True)
    thread.start()
    assert ready.wait(WAIT_SECONDS)
    try:
        yield started[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(WAIT_SECONDS)
        loop.close()


@pytest.fixture(scope="module")
def post() -> Iterator[RunningPost]:
    with running_post() as running:
        yield running


@pytest.fixture(scope="module")
def settings(settings_of: SettingsOf, keys: DevKeys, post: RunningPost) -> Settings:
    keys.make_jwt_key()
    return Settings(
        **settings_of("identity"),
        jwt_keys_dir=keys.jwt_keys,
        pin_pepper=SecretStr(keys.text("pin.pepper")),
        encryption_keys=SecretStr(keys.fernet_key("encryption.key")),
        smtp_url=SecretStr(post.url),
        mail_from=SENDER,
        frontend_url="https://app.example.com/",
    )


@pytest.fixture
async def owner(api: Api) -> Owner:
    return await register(api, f"m{uuid4().hex[:10]}")


def token_in(message: Message, page: str) -> str:
    (link,) = {link for link in message.links if f"/{page}?" in link}
    assert link.startswith("https://app.example.com/")
    return parse_qs(urlsplit(link).query)["token"][0]


def address(start: str = "guest") -> str:
    return f"{start}{uuid4().hex[:10]}@example.com"


async def invite(api: Api, owner: Owner, *emails: str) -> list[invitation_pb2.Invitation]:
    rows = [invitation_pb2.InvitedRow(email=email, role="WAITER", first_name="Ali") for email in emails]
    answer = await api.InvitationService.InviteInBulk(
        invitation_pb2.InviteInBulkRequest(type="json", invitations=rows), principal=owner.principal
    )
    return list(answer.invitations)


def delivery_rows(identity: RunningService, invitation: invitation_pb2.Invitation) -> list[Any]:
    async def read() -> list[Any]:
        async with identity.database.write(SYSTEM) as session:
            rows = await session.execute(
                sa.select(
                    InvitationDelivery.id,
                    InvitationDelivery.status,
                    InvitationDelivery.attempts,
                    InvitationDelivery.error_message,
                ).where(InvitationDelivery.invitation_id == UUID(invitation.id))
            )
            return list(rows.all())

    return identity.run(read())


async def delivered(identity: RunningService, invitation: invitation_pb2.Invitation, status: str) -> Any:
    """The delivery of an invitation once it is in this state."""

    async def there() -> Any | None:
        (row,) = await asyncio.to_thread(delivery_rows, identity, invitation)
        return row if row.status == status else None

    return await eventually(there)


def mail_jobs(identity: RunningService, settings: Settings, clock: MovableClock, url: str) -> MailJobs:
    """The mail jobs beside the service's own, to be run by hand."""
    return MailJobs(
        identity.database,
        build_vault(settings),
        clock,
        MailServer(url),
        sender=SENDER,
        frontend_url=settings.frontend_url,
    )


def attempt(last: bool = False) -> Job:
    return Job(id=1, task=mails.MAIL_INVITATIONS.name, attempt=1, last_attempt=last)


async def test_signing_up_mails_a_link_that_proves_the_address(api: Api, post: RunningPost, owner: Owner) -> None:
    message = await post.mail_for(owner.user.email)
    assert (message.subject, message.sender) == ("Confirm your email address", "no-reply@example.com")
    assert "Amina" in message.text
    token = token_in(message, "verify-email")
    answer = await api.AuthService.VerifyEmail(auth_pb2.VerifyEmailRequest(token=token), principal=ANONYMOUS)
    assert answer.message == "Email verified successfully."
    with pytest.raises(RemoteRefusal):
        await api.AuthService.VerifyEmail(auth_pb2.VerifyEmailRequest(token=token), principal=ANONYMOUS)
    seen = await api.UserService.GetUser(user_pb2.UserRequest(id=owner.user.id), principal=owner.principal)
    assert seen.is_verified


async def test_a_forgotten_password_is_replaced_by_the_link_in_the_persons_language(
    api: Api, post: RunningPost, owner: Owner
) -> None:
    french = user_pb2.UpdateUserRequest(
        id=owner.user.id, preferred_language="fr", update_mask=FieldMask(paths=["preferred_language"])
    )
    await api.UserService.UpdateUser(french, principal=owner.principal)
    await post.mail_for(owner.user.email)
    await api.AuthService.RequestPasswordReset(
        auth_pb2.RequestPasswordResetRequest(email=owner.user.email), principal=ANONYMOUS
    )

    async def french_mail() -> Message | None:
        message = await post.mail_for(owner.user.email)
        return message if message.subject == "Choisissez un nouveau mot de passe" else None

    message = await eventually(french_mail)
    assert message is not None
    token = token_in(message, "reset-password")
    await api.AuthService.ConfirmPasswordReset(
        auth_pb2.ConfirmPasswordResetRequest(token=token, new_password="An0ther!pass"), principal=ANONYMOUS
    )
    opened = await api.AuthService.Login(
        auth_pb2.LoginRequest(email=owner.user.email, password="An0ther!pass"), principal=ANONYMOUS
    )
    assert opened.user.id == owner.user.id


async def test_an_invitation_arrives_in_the_restaurants_language_and_opens_its_account(
    api: Api, identity: RunningService, post: RunningPost, owner: Owner
) -> None:
    await api.SettingsService.UpdateUnifiedSettings(
        settings_pb2.UpdateUnifiedSettingsRequest(language="ar", update_mask=FieldMask(paths=["language"])),
        principal=owner.principal,
    )
    email = address()
    (made,) = await invite(api, owner, email)
    message = await post.mail_for(email)
    assert message.subject == f"{owner.restaurant.name}: دعوة للانضمام إلى الفريق"
    assert '<html lang="ar" dir="rtl">' in message.html
    token = token_in(message, "accept-invitation")
    assert token == made.token
    row = await delivered(identity, made, "SENT")
    assert (row.attempts, row.error_message) == (1, None)
    accepted = await api.AcceptanceService.AcceptStaffInvitation(
        acceptance_pb2.AcceptStaffInvitationRequest(token=token, first_name="Ali", last_name="Baba", pin_code="2468"),
        principal=ANONYMOUS,
    )
    assert accepted.user.email == email


async def test_one_bad_address_keeps_nobody_elses_mail(
    api: Api, identity: RunningService, post: RunningPost, owner: Owner
) -> None:
    nobody, guest = await invite(api, owner, address("nobody"), address())
    await post.mail_for(guest.email)
    refused = await delivered(identity, nobody, "FAILED")
    assert "550" in refused.error_message
    assert (await delivered(identity, guest, "SENT")).attempts == 1
    stats = await api.InvitationService.GetInvitationStats(Empty(), principal=owner.principal)
    assert (stats.total_invitations, stats.email_sent) == (2, 1)


async def test_a_server_without_time_is_asked_again_and_the_queue_holds_no_token(
    api: Api, identity: RunningService, post: RunningPost, owner: Owner, settings: Settings, clock: MovableClock
) -> None:
    email = address("later")
    (made,) = await invite(api, owner, email)

    async def was_asked() -> bool:
        return email in post.post.asked

    await eventually(was_asked)
    (row,) = delivery_rows(identity, made)
    assert row.status == "PENDING"

    async def queued() -> list[str]:
        async with identity.database.write(SYSTEM) as session:
            found = await session.scalars(sa.text("SELECT args::text FROM procrastinate.procrastinate_jobs"))
            return [text for text in found if str(row.id) in text]

    (arguments,) = identity.run(queued())
    assert made.token not in arguments
    assert email not in arguments

    by_hand = mail_jobs(identity, settings, clock, post.url)
    with pytest.raises(Exception, match="try again later"):
        identity.run(by_hand.mail_invitations(attempt(), delivery_ids=[str(row.id)]))
    assert delivery_rows(identity, made)[0].status == "PENDING"
    with pytest.raises(Exception, match="try again later"):
        identity.run(by_hand.mail_invitations(attempt(last=True), delivery_ids=[str(row.id)]))
    (given_up,) = delivery_rows(identity, made)
    assert (given_up.status, given_up.attempts) == ("FAILED", 1)


async def test_a_repeated_job_mails_nobody_twice(
    api: Api, identity: RunningService, post: RunningPost, owner: Owner, settings: Settings, clock: MovableClock
) -> None:
    (made,) = await invite(api, owner, address())
    row = await delivered(identity, made, "SENT")
    by_hand = mail_jobs(identity, settings, clock, post.url)
    for _ in range(3):
        identity.run(by_hand.mail_invitations(attempt(), delivery_ids=[str(row.id)]))
    assert post.received(made.email) == 1


async def test_an_invitation_that_was_closed_or_redirected_is_not_mailed(
    api: Api, identity: RunningService, post: RunningPost, owner: Owner, settings: Settings, clock: MovableClock
) -> None:
    cancelled, redirected, expired = await invite(api, owner, *(address("later") for _ in range(3)))
    rows = [str(delivery_rows(identity, one)[0].id) for one in (cancelled, redirected, expired)]
    await api.InvitationService.DeleteInvitation(
        invitation_pb2.InvitationRequest(id=cancelled.id), principal=owner.principal
    )
    await api.InvitationService.UpdateInvitation(
        invitation_pb2.UpdateInvitationRequest(
            id=redirected.id, email=address(), update_mask=FieldMask(paths=["email"])
        ),
        principal=owner.principal,
    )
    clock.advance(timedelta(days=8))
    asked = len(post.post.asked)
    by_hand = mail_jobs(identity, settings, clock, post.url)
    identity.run(by_hand.mail_invitations(attempt(), delivery_ids=rows))
    assert [one for one in post.post.asked[asked:] if one in {cancelled.email, redirected.email, expired.email}] == []
    for one in (redirected, expired):
        (row,) = delivery_rows(identity, one)
        assert (row.status, row.error_message) == (
            "FAILED",
            "The invitation was closed or changed before it was sent.",
        )


async def test_a_link_that_was_used_or_is_too_old_is_not_mailed(
    api: Api, identity: RunningService, post: RunningPost, owner: Owner, settings: Settings, clock: MovableClock
) -> None:
    message = await post.mail_for(owner.user.email)
    by_hand = mail_jobs(identity, settings, clock, post.url)

    async def token_id() -> str:
        async with identity.database.write(SYSTEM) as session:
            mine = sa.select(OneTimeToken.id).where(OneTimeToken.user_id == UUID(owner.user.id))
            return str(await session.scalar(mine))

    link = identity.run(token_id())
    clock.advance(timedelta(days=4))
    identity.run(by_hand.mail_link(attempt(), token_id=link))
    clock.advance(timedelta(days=-4))
    await api.AuthService.VerifyEmail(
        auth_pb2.VerifyEmailRequest(token=token_in(message, "verify-email")), principal=ANONYMOUS
    )
    identity.run(by_hand.mail_link(attempt(), token_id=link))
    identity.run(by_hand.mail_link(attempt(), token_id=str(uuid4())))
    assert post.received(owner.user.email) == 1


async def test_nothing_is_mailed_to_an_address_that_was_made_from_a_number(
    api: Api, post: RunningPost, owner: Owner
) -> None:
    email = f"{uuid4().int % 10**12:012}@mizan.ai"
    made = await api.UserService.CreateUser(
        user_pb2.CreateUserRequest(email=email, role="WAITER"), principal=owner.principal
    )
    await api.UserService.UpdateUserRole(
        user_pb2.UpdateUserRoleRequest(id=made.id, role="MANAGER"), principal=owner.principal
    )
    await api.AuthService.RequestPasswordReset(auth_pb2.RequestPasswordResetRequest(email=email), principal=ANONYMOUS)
    # The next mail overtakes nothing: jobs run in the order in which they were deferred.
    guest = address()
    await invite(api, owner, guest)
    await post.mail_for(guest)
    assert email not in post.post.asked


async def test_who_is_promoted_is_mailed_a_way_to_choose_a_password(api: Api, post: RunningPost, owner: Owner) -> None:
    email = address()
    made = await api.UserService.CreateUser(
        user_pb2.CreateUserRequest(email=email, role="WAITER"), principal=owner.principal
    )
    await api.UserService.UpdateUserRole(
        user_pb2.UpdateUserRoleRequest(id=made.id, role="MANAGER"), principal=owner.principal
    )
    token = token_in(await post.mail_for(email), "reset-password")
    await api.AuthService.ConfirmPasswordReset(
        auth_pb2.ConfirmPasswordResetRequest(token=token, new_password=PASSWORD), principal=ANONYMOUS
    )
    opened = await api.AuthService.Login(auth_pb2.LoginRequest(email=email, password=PASSWORD), principal=ANONYMOUS)
    assert opened.user.role == "MANAGER"


@pytest.mark.parametrize("url", ["", "localhost:25", "http://mail:25", "smtp://", "smtp:25"])
def test_an_address_that_names_no_mail_server_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(ValueError, match="mail server"):
        MailServer(url)
