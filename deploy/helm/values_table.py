"""Makes the table of values in the chart's README from values.yaml: `python -m deploy.helm.values_table`.

A value is documented by the comment lines right above it. `--check` changes nothing and ends with 1 when the table is
not current.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node

CHART = Path(__file__).parent / "mizan"
BEGIN, END = "<!-- values: begin -->\n", "<!-- values: end -->\n"


class Undocumented(Exception):
    """A value has no comment above it."""


@dataclass(frozen=True, slots=True)
class Value:
    """One row of the table."""

    path: str
    default: str
    meaning: str


def values_of(text: str) -> list[Value]:
    """Every value of a commented values.yaml, in its order. Raises Undocumented for one without a comment."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, MappingNode):
        raise ValueError("values.yaml is no mapping")
    return list(_walk(root, (), text.splitlines(), inherited=False))


def _walk(node: MappingNode, above: tuple[str, ...], lines: list[str], *, inherited: bool) -> Iterator[Value]:
    for key, value in node.value:
        path = (*above, str(key.value))
        comment = _comment_above(lines, key.start_mark.line)
        # Under a service stands only what differs from `defaults`, where it is explained.
        is_override = len(path) == 3 and path[0] == "services"
        is_group = isinstance(value, MappingNode) and bool(value.value) and not (comment and len(path) > 1)
        if is_group and isinstance(value, MappingNode):
            yield from _walk(value, path, lines, inherited=inherited or is_override)
        elif comment:
            yield Value(".".join(path), _text_of(value), comment)
        elif not (inherited or is_override):
            raise Undocumented(".".join(path))


def _comment_above(lines: list[str], line: int) -> str:
    found: list[str] = []
    for text in reversed(lines[:line]):
        matched = re.fullmatch(r" *# ?(.*)", text)
        if matched is None:
            break
        found.insert(0, matched[1])
    return " ".join(found)


def _text_of(node: Node) -> str:
    plain: Any = yaml.safe_load(yaml.serialize(node))
    return json.dumps(plain)


def table(values: list[Value]) -> str:
    """The values as a Markdown table."""
    rows = [f"| `{value.path}` | `{_escaped(value.default)}` | {_escaped(value.meaning)} |" for value in values]
    return "\n".join(["| value | default | meaning |", "|---|---|---|", *rows]) + "\n"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def with_table(readme: str, values_text: str) -> str:
    """The README with a current table. Raises ValueError when it has no place for one."""
    if BEGIN not in readme or END not in readme:
        raise ValueError("the README does not mark where the table stands")
    before, rest = readme.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    return f"{before}{BEGIN}\n{table(values_of(values_text))}\n{END}{after}"


def main() -> None:
    """Write the table, or check it and end with 1 when it is not current."""
    parser = argparse.ArgumentParser(description="Make the table of values in the chart's README.")
    parser.add_argument("--check", action="store_true", help="only say whether it is current")
    check = parser.parse_args().check
    readme = CHART / "README.md"
    current = readme.read_text()
    wanted = with_table(current, (CHART / "values.yaml").read_text())
    if check and current != wanted:
        sys.exit(f"{readme}: the table of values is not current: python -m deploy.helm.values_table")
    readme.write_text(wanted)


if __name__ == "__main__":
    main()
