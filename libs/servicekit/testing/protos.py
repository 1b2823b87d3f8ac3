"""Proto files that only tests need, compiled into a folder of the test run."""

import sys
from pathlib import Path

import google.api
import grpc_tools
from grpc_tools import protoc

DESCRIPTORS = "descriptors.binpb"


def compile_protos(root: Path, target: Path, repository_protos: Path) -> Path:
    """Compiles every proto under `root`, makes its modules importable, and returns the path of the descriptor set.

    Raises RuntimeError when a file does not compile.
    """
    target.mkdir(parents=True, exist_ok=True)
    includes = (
        root,
        repository_protos,
        Path(grpc_tools.__path__[0]) / "_proto",
        Path(google.api.__path__[0]).parent.parent,
    )
    arguments = [
        *(f"-I{path}" for path in includes),
        f"--python_out={target}",
        f"--descriptor_set_out={target / DESCRIPTORS}",
        "--include_source_info",
        "--include_imports",
    ]
    files = [str(path.relative_to(root)) for path in sorted(root.rglob("*.proto"))]
    if protoc.main(["protoc", *arguments, *files]) != 0:
        raise RuntimeError(f"the protos in {root} do not compile")
    if str(target) not in sys.path:
        sys.path.insert(0, str(target))
    return target / DESCRIPTORS
