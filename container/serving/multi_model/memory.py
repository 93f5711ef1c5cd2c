"""Whether a model fits into memory: by its files before it is loaded, and by what its first copy takes before the rest.

Models leave a headroom to requests. Loading takes more than what stays, for a moment, and may use half of that.
"""

import math
import os
from collections.abc import Sequence
from pathlib import Path

from container.contract import allocator
from container.contract.resources import memory
from container.contract.serving_env import MIB, ServingSettings
from container.errors import InsufficientMemoryError
from container.model import model_bytes

# Measured on models of 60 kB to 30 MB, of deep trees and of stumps: what a loaded one takes, in sizes of its files, and
# what it takes while it is read and proved.
_LEAST, _MOST = 0.75, 4.0
_LOADING_UBJSON, _LOADING_JSON = 16, 24


def size(files: Sequence[Path]) -> int:
    """Bytes of a model's files."""
    return sum(path.stat().st_size for path in files)


def loading(files: Sequence[Path]) -> int:
    """Bytes that a model takes while it is loaded from these files."""
    return sum(path.stat().st_size * (_LOADING_JSON if _is_json(path) else _LOADING_UBJSON) for path in files)


def _is_json(path: Path) -> bool:
    with path.open("rb") as file:
        return model_bytes.is_json(file.read(model_bytes.HEAD))


def headroom(total: int, settings: ServingSettings) -> int:
    """Bytes that models leave to requests: a tenth of all, or four of the largest bodies, up to a quarter."""
    return min(total // 4, max(total // 10, 4 * settings.body_limit))


def require_copies(name: str, files_size: int, settings: ServingSettings) -> None:
    """Return where a model could fit, loaded by every worker.

    Raises:
        InsufficientMemoryError: it could not.
    """
    require(name, math.ceil(_LEAST * files_size) * settings.workers, settings)


def require_loading(name: str, files: Sequence[Path], settings: ServingSettings) -> None:
    """Return where a model can be loaded once.

    Raises:
        InsufficientMemoryError: it cannot.
        OSError: a file cannot be read.
    """
    require(name, loading(files), settings, share=0.5)


def require(name: str, wanted: int, settings: ServingSettings, share: float = 1) -> None:
    """Return where ``wanted`` bytes more leave this share of the headroom.

    Raises:
        InsufficientMemoryError: they do not.
    """
    total, available = memory()
    free = available - int(share * headroom(total, settings))
    if wanted > free:
        raise InsufficientMemoryError(
            f"there is no memory for model {name!r}: it needs {math.ceil(wanted / MIB):,} MB more, and "
            f"{max(0, free) // MIB:,} of {total // MIB:,} MB are free for models; unload another one, or use fewer "
            "workers or a larger instance"
        )


def kept(files_size: int, growth: int) -> int:
    """Bytes that a loaded model takes: what this process has grown by, within what models of the size can take.

    Requests that come and go meanwhile make it grow and shrink too.
    """
    return min(max(growth, math.ceil(_LEAST * files_size)), math.ceil(_MOST * files_size))


def resident() -> int:
    """Bytes of memory that this process has, when all that is free is given back."""
    allocator.trim()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
