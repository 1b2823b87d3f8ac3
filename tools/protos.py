"""Generates Python code, type stubs and the descriptor set from protos/ into build/gen: `python -m tools.protos`."""

import argparse
import hashlib
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import google.api
import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
GENERATED = ROOT / "build" / "gen"
DESCRIPTORS = Path("mizan", "descriptors.binpb")
GENERATORS = ("grpcio-tools", "mypy-protobuf", "googleapis-common-protos")


def include_paths(protos: Path) -> list[Path]:
    """Where imports are found: the given folder, then the well-known types, then google/api."""
    well_known = Path(grpc_tools.__path__[0]) / "_proto"
    common = Path(google.api.__path__[0]).parent.parent
    return [protos, well_known, common]


def proto_files(protos: Path) -> list[Path]:
    """Every .proto file under the folder, in a stable order."""
    return sorted(protos.rglob("*.proto"))


def compile_protos(protos: Path, arguments: list[str]) -> None:
    """Run the compiler over all files of a folder; raises RuntimeError when one does not compile."""
    includes = [f"-I{path}" for path in include_paths(protos)]
    files = [str(path.relative_to(protos)) for path in proto_files(protos)]
    if protoc.main(["protoc", *includes, *arguments, *files]) != 0:
        raise RuntimeError(f"the protos in {protos} do not compile")


def write_descriptors(protos: Path, target: Path) -> None:
    """Write the descriptor set of a folder, with comments and imports; raises RuntimeError when it does not compile."""
    target.parent.mkdir(parents=True, exist_ok=True)
    compile_protos(protos, [f"--descriptor_set_out={target}", "--include_source_info", "--include_imports"])


def fingerprint(protos: Path) -> str:
    """A digest of everything that the output depends on."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for name in GENERATORS:
        digest.update(f"{name} {metadata.version(name)}\n".encode())
    for path in proto_files(protos):
        digest.update(str(path.relative_to(protos)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def generate(protos: Path, target: Path) -> None:
    """Generate everything into an empty folder; raises RuntimeError when a file does not compile."""
    # The plugins are installed next to the interpreter, which need not be on the PATH.
    plugins = {name: Path(sys.executable).parent / f"protoc-gen-{name}" for name in ("mypy", "mypy_grpc")}
    compile_protos(
        protos,
        [
            *(f"--plugin=protoc-gen-{name}={path}" for name, path in plugins.items()),
            f"--python_out={target}",
            f"--grpc_python_out={target}",
            f"--mypy_out=quiet:{target}",
            f"--mypy_grpc_out=quiet:{target}",
        ],
    )
    write_descriptors(protos, target / DESCRIPTORS)
    package = target / "mizan"
    for folder in [package, *(path for path in package.rglob("*") if path.is_dir())]:
        (folder / "__init__.py").touch()
    (package / "py.typed").touch()


def mirror(source: Path, target: Path) -> None:
    """Make the target hold the source's files; files that are equal keep their time, so that caches stay valid."""
    fresh = {path.relative_to(source) for path in source.rglob("*")}
    for name in sorted(fresh):
        original, copy = source / name, target / name
        if original.is_dir():
            copy.mkdir(exist_ok=True)
        elif not copy.exists() or copy.read_bytes() != original.read_bytes():
            copy.write_bytes(original.read_bytes())
    for path in sorted(target.rglob("*"), reverse=True):
        if path.relative_to(target) in fresh or path.parent.name == "__pycache__" or not path.exists():
            continue
        if not path.is_dir():
            path.unlink()
        elif path.name != "__pycache__" or path.relative_to(target).parent not in fresh | {Path()}:
            shutil.rmtree(path)


def main() -> None:
    """Generate when anything changed since the last time; exits with status 1 when a file does not compile."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--force", action="store_true", help="generate even when nothing changed")
    force = options.parse_args().force
    stamp = GENERATED.parent / "gen.sha256"
    wanted = fingerprint(PROTOS)
    if not force and stamp.exists() and stamp.read_text() == wanted and (GENERATED / DESCRIPTORS).exists():
        return
    GENERATED.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=GENERATED.parent) as scratch:
        try:
            generate(PROTOS, Path(scratch))
        except RuntimeError as error:
            sys.exit(f"protos: {error}")
        mirror(Path(scratch), GENERATED)
    stamp.write_text(wanted)
    print(f"protos: {len(proto_files(PROTOS))} files generated into {GENERATED.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
