import os
from pathlib import Path

import pytest

from container.contract import resources
from container.contract.resources import (
    Memory,
    available_memory,
    is_in_memory,
    memory,
    memory_limit,
    usable_cpus,
    used_memory,
    visible_gpus,
)

V2 = "0::/\n"
V1 = "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n1:name=systemd:/docker/abc\n"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Writes files of a root file system; the process itself may be scheduled on 8 CPUs."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))

    def write(files):
        for name, content in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        return tmp_path

    return write


CGROUP = "sys/fs/cgroup"


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        pytest.param({}, 8, id="no cgroups"),
        pytest.param({"proc/self/cgroup": V2, f"{CGROUP}/cpu.max": "max 100000\n"}, 8, id="v2 no quota"),
        pytest.param({"proc/self/cgroup": V2, f"{CGROUP}/cpu.max": "200000 100000\n"}, 2, id="v2"),
        pytest.param({"proc/self/cgroup": V2, f"{CGROUP}/cpu.max": "150000 100000\n"}, 1, id="v2 rounds down"),
        pytest.param({"proc/self/cgroup": V2, f"{CGROUP}/cpu.max": "25000 100000\n"}, 1, id="v2 less than one"),
        pytest.param({"proc/self/cgroup": V2, f"{CGROUP}/cpu.max": "3200000 100000\n"}, 8, id="quota above affinity"),
        pytest.param(
            {
                "proc/self/cgroup": "0::/pod/container\n",
                f"{CGROUP}/pod/cpu.max": "300000 100000\n",
                f"{CGROUP}/pod/container/cpu.max": "500000 100000\n",
            },
            3,
            id="v2 an ancestor is tighter",
        ),
        pytest.param(
            {
                "proc/self/cgroup": V1,
                f"{CGROUP}/cpu,cpuacct/cpu.cfs_quota_us": "400000\n",
                f"{CGROUP}/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            4,
            id="v1",
        ),
        pytest.param(
            {
                "proc/self/cgroup": V1,
                f"{CGROUP}/cpu/cpu.cfs_quota_us": "-1\n",
                f"{CGROUP}/cpu/cpu.cfs_period_us": "100000\n",
            },
            8,
            id="v1 no quota",
        ),
        pytest.param(
            {
                "proc/self/cgroup": V1,
                f"{CGROUP}/cpu/docker/abc/cpu.cfs_quota_us": "50000\n",
                f"{CGROUP}/cpu/docker/abc/cpu.cfs_period_us": "10000\n",
            },
            5,
            id="v1 host's tree visible",
        ),
    ],
)
def test_usable_cpus(machine, files, cpus):
    assert usable_cpus(machine(files)) == cpus


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        pytest.param({}, None, id="no cgroups"),
        pytest.param({"proc/self/cgroup": V2, f"{CGROUP}/memory.max": "max\n"}, None, id="v2 no limit"),
        pytest.param({"proc/self/cgroup": V2, f"{CGROUP}/memory.max": "1073741824\n"}, 1 << 30, id="v2"),
        pytest.param(
            {
                "proc/self/cgroup": "0::/pod/container\n",
                f"{CGROUP}/pod/memory.max": "2000\n",
                f"{CGROUP}/pod/container/memory.max": "3000\n",
            },
            2000,
            id="v2 an ancestor is tighter",
        ),
        pytest.param({"proc/self/cgroup": V1, f"{CGROUP}/memory/memory.limit_in_bytes": "4096\n"}, 4096, id="v1"),
        pytest.param(
            {"proc/self/cgroup": V1, f"{CGROUP}/memory/memory.limit_in_bytes": "9223372036854771712\n"},
            None,
            id="v1 no limit",
        ),
    ],
)
def test_memory_limit(machine, files, limit):
    assert memory_limit(machine(files)) == limit


def test_without_affinity(tmp_path, monkeypatch):
    monkeypatch.delattr(resources.os, "sched_getaffinity")
    monkeypatch.setattr(resources.os, "cpu_count", lambda: 6)
    assert usable_cpus(tmp_path) == 6


@pytest.mark.parametrize(
    ("devices", "gpus"),
    [
        pytest.param(["null"], 0, id="none"),
        pytest.param(["nvidiactl", "nvidia-uvm", "nvidia-caps"], 0, id="driver without a GPU"),
        pytest.param(["nvidiactl", "nvidia0", "nvidia1"], 2, id="two"),
    ],
)
def test_visible_gpus(machine, devices, gpus):
    assert visible_gpus(machine({f"dev/{name}": "" for name in devices})) == gpus


MEMINFO = "MemTotal:        8000 kB\nMemFree:  10 kB\nMemAvailable:    6000 kB\nHugePages_Total:       0\n"
KB = 1024
STAT = "anon 700\nfile_mapped 50\ninactive_file 200\nactive_file 100\n"
STAT_V1 = "mapped_file 1\ninactive_file 1\ntotal_mapped_file 50\ntotal_inactive_file 200\ntotal_active_file 100\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, Memory(8000 * KB, 6000 * KB), id="no cgroups"),
        pytest.param(
            {f"{CGROUP}/memory.max": "max\n", f"{CGROUP}/memory.current": "9\n"},
            Memory(8000 * KB, 6000 * KB),
            id="no limit",
        ),
        pytest.param(
            {f"{CGROUP}/memory.max": "5000\n", f"{CGROUP}/memory.current": "1000\n", f"{CGROUP}/memory.stat": STAT},
            Memory(5000, 4000 + 250),
            id="v2: the cache is free, but for what is mapped",
        ),
        pytest.param(
            {f"{CGROUP}/memory.max": "99999999\n", f"{CGROUP}/memory.current": "9\n"},
            Memory(8000 * KB, 6000 * KB),
            id="the machine has less than the limit",
        ),
        pytest.param(
            {
                "proc/self/cgroup": V1,
                f"{CGROUP}/memory/memory.limit_in_bytes": "5000\n",
                f"{CGROUP}/memory/memory.usage_in_bytes": "1000\n",
                f"{CGROUP}/memory/memory.stat": STAT_V1,
            },
            Memory(5000, 4000 + 250),
            id="v1",
        ),
        pytest.param(
            {
                "proc/self/cgroup": V1,
                f"{CGROUP}/memory/memory.limit_in_bytes": "9223372036854771712\n",
                f"{CGROUP}/memory/memory.usage_in_bytes": "1000\n",
            },
            Memory(8000 * KB, 6000 * KB),
            id="v1 without a limit",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "0::/pod/container\n",
                f"{CGROUP}/pod/memory.max": "6000\n",
                f"{CGROUP}/pod/memory.current": "5900\n",
                f"{CGROUP}/pod/container/memory.max": "5000\n",
                f"{CGROUP}/pod/container/memory.current": "1000\n",
            },
            Memory(6000, 100),
            id="an ancestor has less left",
        ),
    ],
)
def test_memory_that_is_free(machine, files, expected):
    assert memory(machine({"proc/meminfo": MEMINFO, **files})) == expected


def test_memory_without_any_figure(tmp_path):
    assert memory(tmp_path).available > 1 << 60


MACHINE = {"proc/meminfo": "MemTotal:       16 kB\nMemFree:         1 kB\n"}


@pytest.mark.parametrize(
    ("files", "size"),
    [
        pytest.param({}, None, id="unknown"),
        pytest.param(MACHINE, 16384, id="no limit"),
        pytest.param({**MACHINE, "proc/self/cgroup": V2, f"{CGROUP}/memory.max": "9000\n"}, 9000, id="limit"),
        pytest.param(
            {**MACHINE, "proc/self/cgroup": V2, f"{CGROUP}/memory.max": "99000\n"}, 16384, id="a small machine"
        ),
    ],
)
def test_available_memory(machine, files, size):
    assert available_memory(machine(files)) == size


def test_used_memory_is_what_the_kernel_cannot_take_back(machine):
    assert used_memory(machine({"proc/self/status": "VmRSS:\t   9 kB\nRssAnon:\t   5 kB\n"})) == 5120
    assert used_memory(machine({"proc/self/status": ""})) == 0
    assert used_memory() > 1 << 20


def test_folders_in_memory(machine):
    root = machine({"proc/mounts": "overlay / overlay rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/a /tmp/disk ext4 rw 0 0\n"})
    found = {str(folder): is_in_memory(folder, root) for folder in map(Path, ("/tmp", "/tmp/x", "/tmp/disk/x", "/opt"))}
    assert found == {"/tmp": True, "/tmp/x": True, "/tmp/disk/x": False, "/opt": False}
    assert not is_in_memory(Path("/tmp"), root / "none")
