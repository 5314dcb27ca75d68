"""How the kernels of this package are compiled and where their machine code is kept.

numba keys its cache by the file of the kernel alone, so a kernel would keep calling the old
version of a kernel in another file. The cache folder therefore carries a fingerprint of all sources of
this package. When no lasting folder can be written, a folder for this process alone is used.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def _fingerprint() -> str:
    """Return a short hash of the package's sources."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _is_writable(folder: Path) -> bool:
    """Return whether files can be made in that folder, making the folder first."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _cache_folder() -> Path:
    """Return the first writable place for machine code, a temporary one at worst."""
    name = f"poise-kernels-{_fingerprint()}"
    places = [Path(__file__).parent / "__pycache__"]
    if os.environ.get("NUMBA_CACHE_DIR"):
        places.insert(0, Path(os.environ["NUMBA_CACHE_DIR"]))
    if os.environ.get("XDG_CACHE_HOME"):
        places.append(Path(os.environ["XDG_CACHE_HOME"]))
    for place in places:
        if _is_writable(place / name):
            return place / name
    return Path(tempfile.mkdtemp(prefix=name))


CACHE_FOLDER = _cache_folder()


def kernel(function: Function) -> Function:
    """Compile a function to machine code on first use, without the interpreter lock.

    Sums keep their order (no fast math), so that the same input gives the same bits.
    """
    settings = vars(numba.config)
    former = settings["CACHE_DIR"]
    settings["CACHE_DIR"] = str(CACHE_FOLDER)
    try:
        return cast(Function, numba.njit(cache=True, nogil=True, error_model="numpy")(function))
    finally:
        settings["CACHE_DIR"] = former
