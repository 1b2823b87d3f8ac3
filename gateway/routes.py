"""`python -m gateway.routes`: every public operation with its RPC and the permission it asks for."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from gateway.settings import DESCRIPTORS
from gateway.transcode.catalog import Catalog


def rows(catalog: Catalog) -> Iterator[tuple[str, str, str, str]]:
    """Method, path, RPC and permission of every binding, by path."""
    bindings = [(binding, operation) for operation in catalog.operations for binding in operation.bindings]
    for binding, operation in sorted(bindings, key=lambda pair: (pair[0].path, pair[0].method)):
        callers = (
            "" if operation.callers == {"USER"} or operation.public else f" ({', '.join(sorted(operation.callers))})"
        )
        yield binding.method, binding.path, operation.path.lstrip("/"), operation.access + callers


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--descriptors", type=Path, default=DESCRIPTORS)
    table = list(rows(Catalog.load(parser.parse_args().descriptors)))
    widths = [max((len(row[column]) for row in table), default=0) for column in range(3)]
    for row in table:
        line = "  ".join(text.ljust(width) for text, width in zip(row, (*widths, 0), strict=True))
        sys.stdout.write(line.rstrip() + "\n")


if __name__ == "__main__":
    main()
