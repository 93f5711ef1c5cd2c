"""Freed memory goes back to the system; each process starts anew, since the C library's options cannot be read."""

import ctypes
import subprocess
import sys

import pytest

_SCRIPT = """
import re, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from container.contract import allocator

def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

{before}
bytearray(4 << 20)  # freed at once: from here on blocks of this size come from the heap, unless told otherwise
start, blocks, between = resident(), [], []
for _ in range(20):
    blocks.append(bytearray(3 << 20))
    between.append(bytearray(2000))  # so that they do not lie at the heap's end
held = resident() - start
blocks.clear()
{after}
print(held, resident() - start)
"""


def held_and_kept(before: str, after: str) -> tuple[float, float]:
    """Megabytes while the blocks are in use, and after they were freed."""
    root = __file__.partition("/tests/")[0]
    script = _SCRIPT.format(root=root, before=before, after=after)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    held, kept = map(float, done.stdout.split())
    return held, kept


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library is not glibc")
@pytest.mark.parametrize(
    ("before", "after", "back"),
    [
        pytest.param("", "", False, id="neither"),
        pytest.param("", "allocator.trim()", True, id="trim"),
        pytest.param("allocator.bound()", "allocator.trim()", True, id="bound and trim"),
        pytest.param("allocator.bound(at_once=True)", "pass", True, id="at once"),
    ],
)
def test_freed_memory_goes_back(before: str, after: str, back: bool) -> None:
    held, kept = held_and_kept(before, after)
    assert held > 55
    assert (kept < 10) is back


_AGAIN = """
import resource, sys
sys.path.insert(0, {root!r})
from container.contract import allocator

{before}
bytearray(40 << 20)  # freed at once
start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
bytearray(40 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - start)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library is not glibc")
def test_kept_memory_is_used_again() -> None:
    root = __file__.partition("/tests/")[0]
    new_pages = [
        int(subprocess.check_output([sys.executable, "-c", _AGAIN.format(root=root, before=before)], text=True))
        for before in ("", "allocator.keep()")
    ]

    assert new_pages[1] < new_pages[0] / 10


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from container.contract import allocator

    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda name: object())
    allocator.bound()
    allocator.keep()
    allocator.trim()
