"""How the C library keeps memory that was freed: not for long, for each worker would keep the most it ever needed."""

import ctypes
import logging

log = logging.getLogger(__name__)

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8

_LARGE = 256 * 1024
"""Bytes from which a block has pages of its own, and from which free memory at a heap's end goes back: glibc's start,
which otherwise grows to 32 MB with the blocks that are freed."""
_ARENAS = 2
"""Heaps for a worker's threads, which take turns in Python anyway. Without a limit there are 8 for each CPU."""


def bound() -> None:
    """Have freed memory given back. Call it before there are threads; where there is no glibc, nothing is done."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt"):
        log.debug("this C library has no mallopt")
        return
    for option, value in ((_M_MMAP_THRESHOLD, _LARGE), (_M_TRIM_THRESHOLD, _LARGE), (_M_ARENA_MAX, _ARENAS)):
        libc.mallopt(option, value)


def trim() -> None:
    """Give back what is free in the heaps now, such as what loading a model has left."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(ctypes.c_size_t(0))
