"""Compiles functions with numba, and keeps the machine code where a folder can be written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])
_OURS = 0o700


def compiled(**options: Any) -> Callable[[_Function], _Function]:
    """Compiles a function on its first call; the next process finds the code again if there is a place to keep it."""
    options = {"nogil": True, "error_model": "numpy", **options}

    def decorate(function: _Function) -> _Function:
        try:
            return cast(_Function, numba.njit(cache=True, **options)(function))
        except RuntimeError:
            # Where NUMBA_CACHE_DIR says, beside the file and in the user's home nothing can be written.
            own = temporary_folder()
        if own is None:
            return cast(_Function, numba.njit(**options)(function))
        numba.config.CACHE_DIR = str(own)  # type: ignore[attr-defined] # it is made of the environment at run time
        return cast(_Function, numba.njit(cache=True, **options)(function))

    return decorate


def temporary_folder() -> Path | None:
    """A folder that nobody but this user can write, since code is run from there; None where there is none."""
    try:
        folder = Path(tempfile.gettempdir()) / f"machine-code-{os.getuid()}"
        folder.mkdir(mode=_OURS, exist_ok=True)
        found = folder.lstat()
        mine = found.st_uid == os.getuid() and found.st_mode & 0o777 == _OURS and folder.is_dir()
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return None
    return folder if mine and not folder.is_symlink() else None
