"""Which services a command is about."""

from typing import NoReturn

import typer

from servicekit.commands import UNUSABLE


def chosen(service: str, known: list[str], *, or_all: bool = True) -> list[str]:
    """The service that was named, or all that are known. Ends the command when it is none of them."""
    if service == "all" and or_all:
        return known
    if service not in known:
        refuse(f"there is no service {service}; there are {', '.join(known)}")
    return [service]


def refuse(message: str) -> NoReturn:
    """Ends the command: it was not given what it needs."""
    typer.echo(message, err=True)
    raise typer.Exit(UNUSABLE)
