"""Whether a model fits, before it is loaded."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from container.contract.resources import Memory
from container.contract.serving_env import MIB, ServingSettings
from container.errors import InsufficientMemoryError
from container.serving.multi_model import memory

ONE = ServingSettings(workers=1)
GIB = 1024 * MIB


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


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Sets what is found: bytes in all, and available ones."""
    return lambda total, available: monkeypatch.setattr(memory, "memory", lambda: Memory(total, available))


def test_what_fits_is_let_pass_and_what_does_not_is_told(free: Callable[[int, int], None]) -> None:
    free(GIB, 300 * MIB)
    most = 300 * MIB - memory.headroom(GIB, ONE)
    memory.require("a", most, ONE)
    with pytest.raises(InsufficientMemoryError) as caught:
        memory.require("a", most + 1, ONE)
    assert caught.value.status == 507
    assert str(caught.value) == (
        "there is no memory for model 'a': it needs 198 MB more, and 197 of 1,024 MB are free for models; "
        "unload another one, or use fewer workers or a larger instance"
    )
    free(GIB, 0)
    with pytest.raises(InsufficientMemoryError, match="it needs 0 MB more, and 0 of 1,024 MB are free"):
        memory.require("a", 0, ONE)


def test_every_copy_is_counted(free: Callable[[int, int], None]) -> None:
    kept = memory.headroom(GIB, ONE)
    free(GIB, kept + 1200)
    for workers, most in ((1, 1600), (2, 800), (4, 400)):
        settings = ServingSettings(workers=workers)
        memory.require_copies("a", most, settings)
        with pytest.raises(InsufficientMemoryError):
            memory.require_copies("a", most + 1, settings)


@pytest.mark.parametrize(("head", "times"), [(b'{"learner":{', 24), (b"{L\0\0\0\0\0\0\0\7learner{", 16)])
def test_loading_may_use_half_of_what_requests_keep(
    free: Callable[[int, int], None], head: bytes, times: int, tmp_path: Path
) -> None:
    files = [tmp_path / "a", tmp_path / "b"]
    for path in files:
        path.write_bytes(head.ljust(1000))
    least = memory.headroom(GIB, ONE) // 2 + times * 2000
    free(GIB, least)
    memory.require_loading("a", files, ONE)
    free(GIB, least - 1)
    with pytest.raises(InsufficientMemoryError):
        memory.require_loading("a", files, ONE)


def test_what_a_model_takes_is_measured_within_reason(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(1000))
    size = memory.size([tmp_path / "a", tmp_path / "a"])
    assert size == 2000
    assert [memory.kept(size, growth) for growth in (-9999, 3000, 99999)] == [1500, 3000, 8000]


@pytest.mark.parametrize("form", ["json", "ubj"])
@pytest.mark.parametrize(
    ("params", "rounds"),
    [
        pytest.param({"max_depth": 12, "min_child_weight": 0}, 40, id="deep"),
        pytest.param({"max_depth": 1, "eta": 0.01}, 1000, id="stumps"),
    ],
)
def test_models_take_what_is_reckoned_with(tmp_path: Path, params: dict[str, float], rounds: int, form: str) -> None:
    run = subprocess.run(
        [sys.executable, Path(__file__).with_name("taken.py"), tmp_path, json.dumps(params), str(rounds), form],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[4])},
    )
    assert run.returncode == 0, run.stderr
    taken = json.loads(run.stdout)
    assert memory.kept(taken["size"], round(taken["kept"])) == round(taken["kept"])
    files = [tmp_path / "xgboost-model"]
    assert memory.loading(files) / 4 < taken["loading"] < memory.loading(files)


def test_without_a_figure_of_its_own_the_machine_is_measured() -> None:
    memory.require("a", 1, ONE)  # unless this machine is as good as full
    with pytest.raises(InsufficientMemoryError):
        memory.require("a", 1 << 50, ONE)


def test_freed_memory_is_given_back() -> None:
    # Small pieces, with one that stays at the end: without being told, the C library keeps what lies before it.
    pieces = [bytes(4000) for _ in range(20_000)]
    last = pieces[-1]
    full = memory.resident()
    pieces.clear()
    assert full - memory.resident() > 60_000_000
    assert last
