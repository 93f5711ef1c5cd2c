"""How the C library keeps memory that was freed: in one heap, and only until it is told to give it back.

What the next request of the same size takes again at once saves the kernel's work with new pages: 2 microseconds for
each, and a request of 5 MB needs 2,000.
"""

import ctypes
import logging
from collections.abc import Mapping

log = logging.getLogger(__name__)

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8

_LARGE = 256 * 1024
"""Bytes from which a block has pages of its own, and from which free memory at a heap's end goes back: glibc's start,
which otherwise grows to 32 MB with the blocks that are freed."""
_LARGEST = 64 * 1024 * 1024
"""The same where nothing is to go back: above it even whole columns have pages of their own."""
_ARENAS = 1
"""Heaps for a worker's threads, which take turns in Python anyway. Without a limit there are 8 for each CPU, and of all
but the first the free end is never given back."""


def bound(*, at_once: bool = False) -> None:
    """Have freed memory lie in one heap. Call it before there are threads; without glibc nothing is done.

    ``at_once`` gives large blocks back as soon as they are freed: for models that come and go, which would leave holes
    that the next one does not fit into.
    """
    _set({_M_ARENA_MAX: _ARENAS})
    if at_once:
        _set({_M_MMAP_THRESHOLD: _LARGE, _M_TRIM_THRESHOLD: _LARGE})


def keep() -> None:
    """Have freed memory lie ready for what comes next, until `trim`: where block after block is read into arrays."""
    _set({_M_MMAP_THRESHOLD: _LARGEST, _M_TRIM_THRESHOLD: 8 * _LARGEST})


def trim() -> None:
    """Give back what is free in the heaps now, such as what loading a model or a large request has left."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(ctypes.c_size_t(0))


def _set(options: Mapping[int, int]) -> None:
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt"):
        log.debug("this C library has no mallopt")
        return
    for option, value in options.items():
        libc.mallopt(option, value)
