"""Whether a model fits into memory, before it is loaded."""

import ctypes
import math
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from container.contract.resources import Memory, memory
from container.contract.serving_env import MIB, ServingSettings
from container.errors import InsufficientMemoryError

# Measured on models of 60 kB to 30 MB, in JSON and UBJSON, of deep trees and of stumps: a loaded one takes 2.6 to
# 4.3 times its files, and 5 to 16 times while it is read and proved.
_KEPT = 5
_LOADING = 16


def need(files: Sequence[Path], copies: int) -> int:
    """Bytes that a model takes at most, loaded by one process after the other."""
    size = sum(path.stat().st_size for path in files)
    return size * (_KEPT * (copies - 1) + _LOADING)


def headroom(total: int, settings: ServingSettings) -> int:
    """Bytes that models leave to requests: a tenth of all, or four of the largest bodies, up to a quarter."""
    return min(total // 4, max(total // 10, 4 * settings.body_limit))


def require(name: str, wanted: int, settings: ServingSettings, found: Memory | None = None) -> None:
    """Return where ``wanted`` bytes more leave the headroom.

    Raises:
        InsufficientMemoryError: they do not.
    """
    total, available = found or memory()
    free = max(0, available - headroom(total, settings))
    if wanted > free:
        workers = f"{settings.workers} worker{'s' if settings.workers > 1 else ''}"
        raise InsufficientMemoryError(
            f"there is no memory for model {name!r}: it may take {math.ceil(wanted / MIB):,} MB in {workers}, and "
            f"{free // MIB:,} of {total // MIB:,} MB are free for models; unload another one, or use fewer workers "
            "or a larger instance"
        )


def give_back() -> None:
    """Return to the system what this process has freed: the C library would keep it, and others could not use it."""
    with suppress(AttributeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)
