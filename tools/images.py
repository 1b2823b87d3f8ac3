"""Builds the images: `make images`, or `python -m tools.images pos gateway`.

Settings, all optional: BASE is the base image, TAG the images' tag, PREFIX what their names start with, BUILD_FLAGS
what else `docker build` is told, such as --network=host. pip's and uv's own configuration files, where this machine has
some, are handed to the build as secrets, which leave no trace in the images.
"""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.docker.component import COMPONENTS, ROOT

# A build waits for the disk as long as it computes.
AT_ONCE = 2
DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"
REVISION_LABEL = "org.opencontainers.image.revision"
CONFIGURATIONS = {
    "pip": ("PIP_CONFIG_FILE", ("~/.config/pip/pip.conf", "~/.pip/pip.conf", "/etc/pip.conf")),
    "uv": ("UV_CONFIG_FILE", ("~/.config/uv/uv.toml", "/etc/uv/uv.toml")),
}


class NoEngine(RuntimeError):
    """No container engine answers; the message says what it was asked with."""


class BuildFailed(RuntimeError):
    """The engine could not make an image; it has said why."""


class OutdatedImage(RuntimeError):
    """An image is missing, or was made of another commit; the message says which."""


def require_engine() -> None:
    """Raises NoEngine unless `docker` reaches an engine."""
    try:
        subprocess.run(["docker", "info"], check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        raise NoEngine(f"`docker info` does not answer ({type(error).__name__})") from error


def image_name(component: str) -> str:
    """The name under which a component's image is made, with its tag."""
    return f"{os.environ.get('PREFIX', 'mizan')}-{component}:{os.environ.get('TAG', '0.1.0')}"


def build_command(component: str) -> list[str]:
    """The command that makes one image."""
    base = os.environ.get("BASE")
    return [
        "docker",
        "build",
        *("--file", str(DOCKERFILE)),
        *("--build-arg", f"COMPONENT={component}"),
        *("--build-arg", f"VERSION={os.environ.get('TAG', '0.1.0')}"),
        *("--build-arg", f"REVISION={revision()}"),
        *(("--build-arg", f"BASE={base}") if base else ()),
        *(f"--secret=id={name},src={path}" for name, path in secrets()),
        *shlex.split(os.environ.get("BUILD_FLAGS", "")),
        *("--tag", image_name(component)),
        str(ROOT),
    ]


def secrets() -> Iterator[tuple[str, Path]]:
    """The configuration files of this machine's package clients, under the names that the Dockerfile knows."""
    for name, (variable, places) in CONFIGURATIONS.items():
        named = os.environ.get(variable)
        for place in [named] if named else places:
            path = Path(place).expanduser()
            if path.is_file():
                yield name, path
                break


def revision() -> str:
    """The commit that the images are made of."""
    answer = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"


def size_of(component: str) -> int:
    """Bytes of an image with its base."""
    return int(_inspect(component, "{{.Size}}"))


def require_current() -> None:
    """Raises OutdatedImage unless every image was made of the commit that is checked out."""
    wanted = revision()
    for component in COMPONENTS:
        made_of = _inspect(component, f'{{{{index .Config.Labels "{REVISION_LABEL}"}}}}')
        if made_of != wanted:
            raise OutdatedImage(
                f"{image_name(component)} is of {made_of or 'nothing'} and not of {wanted}: make images"
            )


def _inspect(component: str, template: str) -> str:
    """What the engine says of an image; nothing when there is none."""
    command = ["docker", "image", "inspect", "--format", template, image_name(component)]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()


def main(components: list[str]) -> None:
    """Build what was named, or everything, and print the sizes."""
    if unknown := set(components) - set(COMPONENTS):
        sys.exit(f"images: there is no component {', '.join(sorted(unknown))}; there are {', '.join(COMPONENTS)}")
    try:
        require_engine()
    except NoEngine as error:
        sys.exit(f"images: {error}")
    # What all images share is built with the first one.
    first, *others = components or COMPONENTS
    try:
        build(first)
        with ThreadPoolExecutor(AT_ONCE) as builders:
            for _ in builders.map(build, others):
                pass
    except BuildFailed as error:
        sys.exit(f"images: {error}")


def build(component: str) -> None:
    """Makes one image and prints its size. Raises BuildFailed."""
    began = time.monotonic()
    if subprocess.run(build_command(component), env={**os.environ, "DOCKER_BUILDKIT": "1"}, check=False).returncode:
        raise BuildFailed(f"{component} could not be built")
    took = time.monotonic() - began
    print(f"images: {image_name(component):<26} {size_of(component) / 1e6:6.0f} MB  {took:5.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
