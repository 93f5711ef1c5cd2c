"""What of the machine this container may use: the control group's limits, not the host's size; and GPUs.

Source: the kernel's documentation of cgroup v1 (cpu.cfs_quota_us, memory.limit_in_bytes) and v2
(cpu.max, memory.max), and of /proc/meminfo. A limit can be set on any ancestor; the tightest holds.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_UNLIMITED = 1 << 60  # v1 writes "no limit" as a number just below 2**63


def usable_cpus(root: Path = Path("/")) -> int:
    """The whole CPUs this process may keep busy, at least 1."""
    cpus = float(_schedulable())
    for folder in _groups(root, "cpu"):
        quota, period = _cpu_quota(folder)
        if quota > 0 and period > 0:
            cpus = min(cpus, quota / period)
    return max(1, int(cpus))


def memory_limit(root: Path = Path("/")) -> int | None:
    """The bytes of memory this container may use, None without a limit."""
    limits = []
    for folder in _groups(root, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            limits += _numbers(folder / name)
    bounded = [limit for limit in limits if 0 < limit < _UNLIMITED]
    return min(bounded, default=None)


class Memory(NamedTuple):
    """Bytes of memory: all that this container may use, and how many of them could be used now."""

    total: int
    available: int


def memory(root: Path = Path("/")) -> Memory:
    """What is free now, of the control group or of the machine, whichever has less.

    What a group holds in the page cache counts as free, for the kernel takes it back before it kills, but not what is
    mapped: code that runs.
    """
    meminfo = _named_numbers(root / "proc" / "meminfo")  # in units of 1024 bytes
    bounds = [Memory(meminfo.get("MemTotal", _UNLIMITED) * 1024, meminfo.get("MemAvailable", _UNLIMITED) * 1024)]
    for folder in _groups(root, "memory"):
        stat = _named_numbers(folder / "memory.stat")
        for prefix, mapped, names in (
            ("", "file_mapped", ("memory.max", "memory.current")),
            ("total_", "total_mapped_file", ("memory.limit_in_bytes", "memory.usage_in_bytes")),
        ):
            match [*_numbers(folder / names[0]), *_numbers(folder / names[1])]:
                case [limit, used] if 0 < limit < _UNLIMITED:
                    cached = stat.get(f"{prefix}inactive_file", 0) + stat.get(f"{prefix}active_file", 0)
                    bounds.append(Memory(limit, limit - used + max(0, cached - stat.get(mapped, 0))))
    return min(bounds, key=lambda bound: bound.available)


def available_memory(root: Path = Path("/")) -> int | None:
    """The bytes of memory this container may use: its limit, or the machine's where that is less; None if unknown."""
    known = [memory_limit(root), _bytes(root / "proc" / "meminfo", "MemTotal")]
    return min((size for size in known if size is not None), default=None)


def used_memory(root: Path = Path("/")) -> int:
    """The bytes this process holds that the kernel cannot take back: not files that are mapped or cached."""
    return _bytes(root / "proc" / "self" / "status", "RssAnon") or 0


def is_in_memory(folder: Path, root: Path = Path("/")) -> bool:
    """Whether what is written to a folder, given by its real path, stays in memory: it is on a tmpfs."""
    try:
        mounts = [line.split() for line in (root / "proc" / "mounts").read_text().splitlines()]
    except OSError:
        return False
    found = [(len(point), kind) for _, point, kind, *_ in mounts if folder.is_relative_to(point)]
    return bool(found) and max(found, key=lambda mount: mount[0])[1] in ("tmpfs", "ramfs")


def visible_gpus(root: Path = Path("/")) -> int:
    """How many NVIDIA GPUs the container was given: the device files its runtime put there."""
    return sum(file.name.removeprefix("nvidia").isdigit() for file in (root / "dev").glob("nvidia*"))


def _schedulable() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1


def _cpu_quota(folder: Path) -> tuple[int, int]:
    """(quota, period) in microseconds; (0, 0) without a quota."""
    match _numbers(folder / "cpu.max") or [
        *_numbers(folder / "cpu.cfs_quota_us"),
        *_numbers(folder / "cpu.cfs_period_us"),
    ]:
        case [quota, period]:
            return quota, period
    return 0, 0


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders that describe this process's group and its ancestors, for cgroup v2 and v1.

    With a cgroup namespace, as Docker gives on v2, the mount point itself is the group.
    """
    mount = root / "sys" / "fs" / "cgroup"
    try:
        lines = (root / "proc" / "self" / "cgroup").read_text().splitlines()
    except OSError:
        lines = ["0::/"]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        base = mount / controllers if controllers and (mount / controllers).is_dir() else mount / controller
        base = base if controllers else mount
        relative = Path(path.lstrip("/"))
        yield from (base / part for part in (relative, *relative.parents))


def _bytes(file: Path, name: str) -> int | None:
    """The bytes that a line such as ``MemTotal:  16 kB`` says; None without it."""
    kilobytes = _named_numbers(file).get(name)
    return None if kilobytes is None else kilobytes * 1024


def _numbers(file: Path) -> list[int]:
    """The whole numbers in a file: none where it says ``max`` or is not there."""
    try:
        words = file.read_text().split()
    except OSError:
        return []
    return [int(word) for word in words] if all(word.lstrip("-").isdigit() for word in words) else []


def _named_numbers(file: Path) -> dict[str, int]:
    """Lines such as ``MemFree:  123 kB`` or ``active_file 123``; none where the file is not there."""
    try:
        lines = [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return {}
    return {words[0].rstrip(":"): int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}
