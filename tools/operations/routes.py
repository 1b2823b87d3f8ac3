"""Lists the public operations: `mizan routes`."""

import typer

from gateway.routes import rows
from gateway.settings import DESCRIPTORS
from gateway.transcode.catalog import Catalog


def main() -> None:
    """List every public operation: method, path, RPC, permission."""
    table = list(rows(Catalog.load(DESCRIPTORS)))
    widths = [max((len(row[column]) for row in table), default=0) for column in range(3)]
    for row in table:
        typer.echo("  ".join(text.ljust(width) for text, width in zip(row, (*widths, 0), strict=True)).rstrip())
