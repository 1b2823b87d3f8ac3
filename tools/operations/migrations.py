"""Brings databases to the newest schema: `mizan migrate`."""

import os
from typing import Annotated

import typer
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from servicekit import migrate
from tools.operations.choice import chosen, refuse
from tools.services import migrated_services


def main(service: Annotated[str, typer.Argument(help="A service, or all.")] = "all") -> None:
    """Bring databases to the newest schema, as the owner in <SERVICE>_OWNER_DATABASE_URL."""
    for name in chosen(service, migrated_services()):
        owner = os.environ.get(f"{name.upper()}_OWNER_DATABASE_URL")
        if not owner:
            refuse(f"{name.upper()}_OWNER_DATABASE_URL is not set")
        application = os.environ.get(f"{name.upper()}_DATABASE_URL")
        role = make_url(application).username if application else None
        try:
            changed = migrate.upgrade(owner, name, role)
        except SQLAlchemyError as error:
            typer.echo(f"{name}: {error}", err=True)
            raise typer.Exit(1) from error
        typer.echo(f"{name}: {'migrated' if changed else 'at the newest schema'}")
