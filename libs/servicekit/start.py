"""The beginning of a process: little is imported yet, and what follows is imported quickly."""

from importlib import import_module
from types import ModuleType

from servicekit import garbage


def load(name: str) -> ModuleType:
    """Imports a module and all that it needs. Raises what importing raises."""
    with garbage.spared():
        return import_module(name)


def service(package: str) -> None:
    """Runs a service, which its `main.build` makes from its `settings.Settings`, until it is told to stop."""
    main = load(f"{package}.main")
    settings = load(f"{package}.settings").Settings()
    load("servicekit.runtime").run(package.rpartition(".")[2], settings, lambda: main.build(settings))
