"""`python -m gateway.openapi FILE`: renders the OpenAPI document once, for the gateway to serve as it is."""

import argparse
from pathlib import Path

import orjson

from gateway.main import openapi
from gateway.routers.schema import as_yaml
from gateway.settings import DESCRIPTORS
from gateway.transcode.catalog import Catalog


def main() -> None:
    """Writes the document; a name that ends in .yaml gets YAML."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--descriptors", type=Path, default=DESCRIPTORS)
    options = parser.parse_args()
    rendered = orjson.dumps(openapi(Catalog.load(options.descriptors)), option=orjson.OPT_INDENT_2)
    options.file.parent.mkdir(parents=True, exist_ok=True)
    options.file.write_bytes(as_yaml(rendered) if options.file.suffix in (".yaml", ".yml") else rendered)


if __name__ == "__main__":
    main()
