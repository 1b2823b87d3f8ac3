"""Fills the demo restaurant through the public API, as its people would: `mizan seed` or `python -m tools.seed`.

Passwords and PINs are made at the first run and kept beside the installation's other secrets. A run that was
interrupted is taken up where it stopped; once all is there, nothing is touched again.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
import typer
from sqlalchemy import exists, select, update

from servicekit.cli import UNUSABLE, read_settings, run, transaction
from services.billing.cli import seed_plans
from services.identity.commands.operations import populate_languages
from services.identity.models import User
from services.identity.settings import Settings
from services.identity.vault import random_password, random_pin
from tools import demo
from tools.demo import Person
from tools.demo_api import Api, Busy, SeedFailed
from tools.seed_house import fill_house
from tools.stack.processes import write_secret

EVERYBODY = (demo.OWNER, *demo.STAFF)


class Secrets:
    """The demo's passwords and PINs by address, in a file that only its owner reads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if path.exists():
            self._kept: dict[str, Any] = json.loads(path.read_text())
        else:
            self._kept = {"complete": False, "device_token": "", "accounts": _fresh_secrets(EVERYBODY)}
            self._save()

    @property
    def complete(self) -> bool:
        """Whether an earlier run came to its end."""
        return bool(self._kept["complete"])

    @property
    def device_token(self) -> str:
        """The token of the paired tablet; empty before it is paired."""
        return str(self._kept["device_token"])

    def of(self, person: Person) -> str:
        """Somebody's password or PIN."""
        return str(self._kept["accounts"][person.email])

    def keep(self, **values: Any) -> None:
        """Keeps what was learnt on the way."""
        self._kept |= values
        self._save()

    def _save(self) -> None:
        fresh = self._path.with_suffix(".new")
        write_secret(fresh, json.dumps(self._kept, indent=2))
        fresh.replace(self._path)


def _fresh_secrets(people: Iterable[Person]) -> dict[str, str]:
    pins: set[str] = set()
    secrets: dict[str, str] = {}
    for person in people:
        if person.has_pin:
            pin = next(pin for pin in iter(random_pin, None) if pin not in pins)
            pins.add(pin)
            secrets[person.email] = pin
        else:
            secrets[person.email] = random_password()
    return secrets


class Seeding:
    """One run."""

    def __init__(self, url: str, secrets: Secrets) -> None:
        self._anybody = Api(url)
        self._secrets = secrets

    def run(self) -> None:
        """Fills what is missing. Raises SeedFailed."""
        owner = self._log_in(demo.OWNER) or self._sign_up()
        run(_finish_sign_up())
        self._set_up(owner)
        self._hire(owner)
        self._fill_profiles(owner)
        self._ask(owner)
        fill_house(owner)
        self._secrets.keep(complete=True)

    def _log_in(self, person: Person) -> Api | None:
        secret = self._secrets.of(person)
        if person.has_pin:
            return self._anybody.session_of("/api/auth/pin-login/", {"email": person.email, "pin_code": secret})
        return self._anybody.session_of("/api/auth/login/", {"email": person.email, "password": secret})

    def _sign_up(self) -> Api:
        owner = demo.OWNER
        user = {
            "email": owner.email,
            "password": self._secrets.of(owner),
            "first_name": owner.first_name,
            "last_name": owner.last_name,
            "phone": owner.phone,
        }
        signed_up = self._anybody.session_of("/api/register/", {"restaurant": demo.SIGN_UP, "user": user})
        if signed_up is None:
            raise SeedFailed("signing up was refused")
        return signed_up

    def _set_up(self, owner: Api) -> None:
        owner.call("PUT", "/api/settings/unified/", demo.SETTINGS)
        owner.call("POST", "/api/settings/geolocation/", demo.PLACE)
        if not self._secrets.device_token:
            paired = owner.call("POST", "/api/devices/pair/", {"name": demo.DEVICE})
            self._secrets.keep(device_token=paired["device_token"])

    def _hire(self, owner: Api) -> None:
        employed = {row["email"] for row in owner.call("GET", "/api/staff/")}
        tokens = self._open_invitations(owner)
        missing = [
            person
            for person in (*demo.STAFF, demo.INVITED)
            if person.email not in employed and person.email not in tokens
        ]
        if missing:
            rows = [
                {
                    "email": person.email,
                    "role": person.role,
                    "first_name": person.first_name,
                    "last_name": person.last_name,
                    "department": person.department,
                    "phone": person.phone,
                }
                for person in missing
            ]
            invited = owner.call(
                "POST", "/api/staff/invite-bulk-csv/", {"staff_list": rows, "invitation_method": "email"}
            )
            if invited["failed"]:
                raise SeedFailed(f"inviting: {invited['errors']}")
            tokens = self._open_invitations(owner)
        for person in demo.STAFF:
            if person.email not in employed:
                self._accept(person, tokens[person.email])

    @staticmethod
    def _open_invitations(owner: Api) -> dict[str, str]:
        """Tokens of the invitations that can be accepted, by address."""
        invitations = owner.call("GET", "/api/staff/invitations/")
        return {row["email"]: row["token"] for row in invitations if row["status"] == "PENDING" and row["token"]}

    def _accept(self, person: Person, token: str) -> None:
        secret = self._secrets.of(person)
        body = {"token": token, "first_name": person.first_name, "last_name": person.last_name}
        if person.has_pin:
            self._anybody.call("POST", "/api/staff/accept-invitation/", {**body, "pin_code": secret})
        else:
            self._anybody.call("POST", "/api/invitations/accept/", {**body, "password": secret})

    @staticmethod
    def _fill_profiles(owner: Api) -> None:
        people = [*owner.call("GET", "/api/staff/"), owner.call("GET", "/api/auth/me/")]
        ids = {row["email"]: row["id"] for row in people}
        for person in EVERYBODY:
            owner.call(
                "PATCH",
                f"/api/staff/profiles/{ids[person.email]}/",
                {
                    "position": person.position,
                    "department": person.department,
                    "hourly_rate": person.pay,
                    "salary_type": "MONTHLY" if person.salaried else "HOURLY",
                    "hire_date": person.hired,
                    "skills": list(person.skills),
                },
            )

    def _ask(self, owner: Api) -> None:
        people = {person.email: person for person in demo.STAFF}
        for number, request in enumerate(demo.REQUESTS):
            asking = self._log_in(people[request.email])
            if asking is None:
                raise SeedFailed(f"{request.email} cannot log in")
            filed = asking.call(
                "POST",
                "/api/staff/requests/",
                {
                    "subject": request.subject,
                    "description": request.description,
                    "category": request.category,
                    "priority": request.priority,
                    "external_id": f"demo-{number}",
                },
            )
            if filed["status"] != "PENDING" or filed["comments"]:
                continue
            if request.answer:
                owner.call("POST", f"/api/staff/requests/{filed['id']}/comment/", {"body": request.answer})
            if request.approved:
                owner.call("POST", f"/api/staff/requests/{filed['id']}/approve/")


async def _is_there() -> bool:
    """Whether the database has the demo; it may have been dropped while the secrets were not."""
    async with transaction(read_settings(Settings), "mizan-seed") as session:
        return bool(await session.scalar(select(exists().where(User.email == demo.OWNER.email))))


async def _finish_sign_up() -> None:
    """What the owner would do with the mail, and what a new database lacks."""
    async with transaction(read_settings(Settings), "mizan-seed") as session:
        await populate_languages(session)
        await session.execute(update(User).where(User.email == demo.OWNER.email).values(is_verified=True))


def accounts(secrets: Secrets) -> str:
    """The demo's accounts as a table."""
    lines = [f"Demo restaurant {demo.NAME}:"]
    for person in EVERYBODY:
        kind = "PIN" if person.has_pin else "password"
        name = f"{person.first_name} {person.last_name}"
        lines.append(f"  {name:<18} {person.role:<13} {person.email:<44} {kind:<8} {secrets.of(person)}")
    lines.append(f"  device token of the {demo.DEVICE.lower()} (X-Device-Token): {secrets.device_token}")
    return "\n".join(lines)


def secrets_path() -> Path:
    """Where the demo's secrets are kept: DEMO_SECRETS_FILE, or beside the keys of the installation."""
    given = os.environ.get("DEMO_SECRETS_FILE")
    if given:
        return Path(given)
    keys = os.environ.get("INTERNAL_KEYS_DIR")
    if not keys:
        typer.echo("set DEMO_SECRETS_FILE or INTERNAL_KEYS_DIR", err=True)
        raise typer.Exit(UNUSABLE)
    return Path(keys).parent / "demo.json"


def main() -> None:
    """Fill the demo restaurant and print its accounts; harmless when it is there already."""
    url = os.environ.get("PUBLIC_URL", "http://127.0.0.1:8000")
    secrets = Secrets(secrets_path())
    if secrets.complete and not run(_is_there()):
        secrets.keep(complete=False, device_token="")
    if not secrets.complete:
        try:
            Seeding(url, secrets).run()
        except (SeedFailed, Busy, httpx.HTTPError) as error:
            typer.echo(f"seed: {error}", err=True)
            raise typer.Exit(1) from error
    if os.environ.get("BILLING_DATABASE_URL"):
        seed_plans()
    typer.echo(accounts(secrets))


if __name__ == "__main__":
    typer.run(main)
