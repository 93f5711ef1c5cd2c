"""Whether a model fits, before it is loaded."""

from pathlib import Path

import pytest

from container.contract.resources import Memory
from container.contract.serving_env import MIB, ServingSettings
from container.errors import InsufficientMemoryError
from container.serving.multi_model import memory

ONE = ServingSettings(workers=1)
GIB = 1024 * MIB


def test_every_copy_is_counted_and_what_loading_takes_once(tmp_path: Path) -> None:
    for name in ("xgboost-model-0", "xgboost-model-1"):
        (tmp_path / name).write_bytes(bytes(500))
    files = list(tmp_path.iterdir())
    one, two, four = (memory.need(files, copies) for copies in (1, 2, 4))
    assert one == 16_000
    assert four - two == 2 * (two - one) == 10_000


@pytest.mark.parametrize(
    ("total", "settings", "kept"),
    [
        pytest.param(8 * GIB, ONE, 8 * GIB // 10, id="a tenth"),
        pytest.param(GIB // 2, ONE, 100 * MIB, id="four large bodies"),
        pytest.param(256 * MIB, ONE, 64 * MIB, id="but no more than a quarter"),
        pytest.param(2 * GIB, ServingSettings(workers=1, max_payload_mb=100), 400 * MIB, id="larger bodies"),
    ],
)
def test_requests_keep_some(total: int, settings: ServingSettings, kept: int) -> None:
    assert memory.headroom(total, settings) == kept


def test_what_fits_is_let_pass_and_what_does_not_is_told() -> None:
    found = Memory(GIB, 300 * MIB)
    free = 300 * MIB - memory.headroom(GIB, ONE)
    memory.require("a", free, ONE, found)
    with pytest.raises(InsufficientMemoryError) as caught:
        memory.require("a", free + 1, ServingSettings(workers=2), found)
    assert caught.value.status == 507
    assert str(caught.value) == (
        "there is no memory for model 'a': it may take 198 MB in 2 workers, and 197 of 1,024 MB are free for models; "
        "unload another one, or use fewer workers or a larger instance"
    )
    with pytest.raises(InsufficientMemoryError, match="and 0 of 1,024 MB are free"):
        memory.require("a", 1, ONE, Memory(GIB, 0))


def test_without_a_figure_of_its_own_the_machine_is_measured() -> None:
    memory.require("a", 1, ONE)
    with pytest.raises(InsufficientMemoryError):
        memory.require("a", 1 << 50, ONE)


def test_freed_memory_is_given_back() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    # Small pieces, with one that stays at the end: without being told, the C library keeps what lies before it.
    pieces = [bytes(4000) for _ in range(20_000)]
    last = pieces[-1]
    full = resident()
    pieces.clear()
    memory.give_back()
    assert full - resident() > 60_000_000
    assert last
