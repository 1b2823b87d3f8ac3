"""Identity's commands: `mizan identity --help`."""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic.networks import validate_email
from pydantic_core import PydanticCustomError

from servicekit.cli import UNUSABLE, commands_of, read_settings, run, transaction
from servicekit.errors import Refusal
from services.identity.commands import announcements, operations
from services.identity.domain.credentials import password_problem
from services.identity.settings import Settings
from services.identity.vault import build_vault

RESTAURANTS_AT_ONCE = 50
PASSWORD_VARIABLE = "MIZAN_SUPERUSER_PASSWORD"  # noqa: S105 - the name of a variable, no secret

app = commands_of("identity", "People, restaurants and their credentials.")


@app.command()
def create_superuser(
    email: Annotated[str, typer.Option(prompt=True, help="The address that the person logs in with.")],
    first_name: Annotated[str, typer.Option()] = "",
    last_name: Annotated[str, typer.Option()] = "",
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")] = False,
) -> None:
    """Create a member of the platform's staff, who belongs to no restaurant.

    The password is asked for, or read from stdin or from MIZAN_SUPERUSER_PASSWORD.
    """
    settings = read_settings(Settings)
    _require_email(email)
    password = _password(from_stdin=password_stdin)
    if problem := password_problem(password):
        _refuse(problem)

    async def create() -> str:
        async with transaction(settings, "mizan-create-superuser") as session:
            user = await operations.create_superuser(
                session,
                build_vault(settings),
                email=email,
                first_name=first_name,
                last_name=last_name,
                password=password,
                now=datetime.now(UTC),
            )
            return str(user.id)

    try:
        user_id = run(create())
    except Refusal as refusal:
        _refuse(refusal.message)
    typer.echo(f"created superuser {email} ({user_id})")


@app.command()
def create_initial_data(
    name: Annotated[str, typer.Option(help="The restaurant's name.")] = "Test Restaurant",
    email: Annotated[str, typer.Option(help="The restaurant's address.")] = "test@restaurant.com",
    admin_email: Annotated[str, typer.Option(help="The owner's address.")] = "admin@testrestaurant.com",
) -> None:
    """Create a restaurant with an owner and three people; their random passwords and PINs are printed this once."""
    settings = read_settings(Settings)
    _require_email(email)
    _require_email(admin_email)

    async def create() -> list[operations.NewAccount]:
        async with transaction(settings, "mizan-create-initial-data") as session:
            return await operations.create_initial_data(
                session,
                build_vault(settings),
                name=name,
                email=email,
                admin_email=admin_email,
                now=datetime.now(UTC),
            )

    try:
        made = run(create())
    except Refusal as refusal:
        _refuse(refusal.message)
    if not made:
        typer.echo(f"{email} exists already; nothing was changed")
        return
    typer.echo(f"created {name}; keep these, they are not shown again:")
    for account in made:
        typer.echo(f"  {account.role:<12} {account.email:<36} {account.secret}")


@app.command()
def cleanup_invites(
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that could still be accepted: their links stop working.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
) -> None:
    """Delete the invitations of all restaurants that were never accepted and have run out."""
    settings = read_settings(Settings)

    async def clean() -> int:
        async with transaction(settings, "mizan-cleanup-invites") as session:
            rows = await operations.delete_unaccepted_invitations(session, datetime.now(UTC), open_ones_too=everything)
            for invitation_id, restaurant_id, ended in rows:
                typer.echo(f"{invitation_id} of restaurant {restaurant_id}, until {ended:%Y-%m-%d %H:%M}")
            if dry_run:
                await session.rollback()
            return len(rows)

    typer.echo(f"{'would delete' if dry_run else 'deleted'} {run(clean())} invitations")


@app.command()
def populate_languages() -> None:
    """Write the languages that people may choose."""
    settings = read_settings(Settings)

    async def populate() -> int:
        async with transaction(settings, "mizan-populate-languages") as session:
            return await operations.populate_languages(session)

    typer.echo(f"{run(populate())} languages")


@app.command()
def announce() -> None:
    """Say again what every restaurant and person is, for services that start late or lost their copies.

    A running identity service publishes it; what a service knows already, it ignores.
    """
    settings = read_settings(Settings)

    async def say() -> int:
        said, after = 0, None
        while True:
            async with transaction(settings, "mizan-announce") as session:
                some = await announcements.restaurants(session, after, RESTAURANTS_AT_ONCE)
                for restaurant_id in some:
                    said += await announcements.announce(session, restaurant_id)
            if not some:
                return said
            after = some[-1]

    typer.echo(f"{run(say())} facts announced")


@app.command()
def rotate_keys(
    retire: Annotated[
        bool, typer.Option("--retire", help="Also delete keys whose last tokens have expired by now.")
    ] = False,
) -> None:
    """Make a new key for signing access tokens; the older ones go on verifying what they signed."""
    settings = read_settings(Settings)
    retired = retire_keys(settings.jwt_keys_dir, settings.refresh_lifetime, datetime.now(UTC)) if retire else []
    path = make_key(settings.jwt_keys_dir, datetime.now(UTC))
    for old in retired:
        typer.echo(f"deleted {old.name}")
    typer.echo(f"made {path.name}; restart identity to sign with it")


def make_key(folder: Path, now: datetime) -> Path:
    """Writes a fresh signing key, readable by its owner only. Raises OSError when the folder cannot be written."""
    path = folder / f"access-{now:%Y%m%dT%H%M%S%f}.pem"
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    return path


def retire_keys(folder: Path, token_lifetime: timedelta, now: datetime) -> list[Path]:
    """Deletes the keys that signed their last token longer ago than a token lives, which is when the next one came."""
    newest_first = sorted(folder.glob("*.pem"), key=lambda path: path.stat().st_mtime, reverse=True)
    replaced_at = [path.stat().st_mtime for path in newest_first]
    retired = [
        path
        for path, successor in zip(newest_first[1:], replaced_at, strict=False)
        if datetime.fromtimestamp(successor, UTC) + token_lifetime < now
    ]
    for path in retired:
        path.unlink()
    return retired


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    given = os.environ.get(PASSWORD_VARIABLE)
    if given is not None:
        return given
    prompted: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return prompted


def _require_email(text: str) -> None:
    try:
        validate_email(text)
    except PydanticCustomError:
        _refuse(f"{text} is not an e-mail address")


def _refuse(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(UNUSABLE)
