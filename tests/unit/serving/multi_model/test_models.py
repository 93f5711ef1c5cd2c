"""The models of one process, and their memory."""

import gc
import logging
import shutil
import threading
import time
import weakref
from pathlib import Path

import pytest

from container.contract.resources import Memory
from container.contract.serving_env import ServingSettings
from container.errors import InsufficientMemoryError, NotFoundError, UserError
from container.serving.multi_model import memory, models
from container.serving.multi_model.models import Models
from container.serving.multi_model.registry import Entry
from container.serving.service import Asked
from tests.support.serving import MODELS

SETTINGS = ServingSettings(workers=1)
CSV = Asked("text/csv")


@pytest.fixture
def entries(tmp_path: Path) -> list[Entry]:
    for name in ("approval", "counts"):
        (tmp_path / name).mkdir()
        shutil.copy(MODELS / f"{name}.ubj", tmp_path / name / "xgboost-model")
    return [Entry(number, name, str(tmp_path / name)) for number, name in enumerate(("approval", "counts"), start=1)]


def test_what_is_held_is_answered_for_only_once_it_is_shown(entries: list[Entry]) -> None:
    held = Models(SETTINGS)
    held.hold(entries, entries[:1])
    assert held.service("approval").prepare(CSV)(b"100,3").body == b'"no, thanks",0.45347622'
    assert held.get("counts") is None
    with pytest.raises(NotFoundError, match="there is no model 'counts'; load it with POST /models"):
        held.service("counts")
    approval = held.get("approval")
    held.hold(entries, entries)
    assert held.get("counts") is not None
    assert held.get("approval") is approval  # not loaded again


def test_a_model_that_goes_is_freed_before_hold_returns(entries: list[Entry]) -> None:
    held = Models(SETTINGS)
    held.hold(entries, entries)
    approval = held.get("approval")
    assert approval is not None
    gone, freed = weakref.ref(approval), approval.freed
    del approval
    gc.disable()  # without the collector's help
    try:
        held.hold(entries[1:], entries[1:])
        assert gone() is None
        assert all(event.is_set() for event in freed)
    finally:
        gc.enable()
    assert held.get("approval") is None
    assert held.get("counts") is not None


def test_a_request_in_flight_is_finished_with_the_model_that_is_unloaded(entries: list[Entry]) -> None:
    held = Models(SETTINGS)
    held.hold(entries, entries)
    in_flight = [held.service("approval").prepare(CSV)]
    thread = threading.Thread(target=held.hold, args=[[], []])
    thread.start()
    time.sleep(0.3)
    assert held.get("approval") is None
    assert thread.is_alive()
    assert in_flight.pop()(b"100,3").body == b'"no, thanks",0.45347622'
    thread.join(10)
    assert not thread.is_alive()


def test_a_request_without_an_end_does_not_hold_up_the_others(
    entries: list[Entry], caplog: pytest.LogCaptureFixture
) -> None:
    held = Models(SETTINGS, patience=0.1)
    held.hold(entries, entries)
    in_flight = held.service("approval").prepare(CSV)
    held.hold([], [])
    assert "a request keeps an unloaded model in memory" in caplog.text
    assert in_flight(b"100,3").body == b'"no, thanks",0.45347622'


def test_a_number_is_a_model_whatever_its_name(entries: list[Entry], tmp_path: Path) -> None:
    held = Models(SETTINGS)
    held.hold(entries[:1], entries[:1])
    again = Entry(3, "approval", str(tmp_path / "counts"))
    held.hold([again], [again])
    assert held.service("approval").prepare(CSV)(b"1,2").body != b'"no, thanks",0.45347622'


def test_models_before_one_that_cannot_be_loaded_are_held(entries: list[Entry], tmp_path: Path) -> None:
    held = Models(SETTINGS)
    with pytest.raises(NotFoundError, match="there is no folder"):
        held.hold([*entries, Entry(3, "none", str(tmp_path / "none"))], [])
    held.hold(entries, entries)
    assert held.get("counts") is not None


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> list[Path]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(models.folder, "find", refuse)
    with pytest.raises(UserError, match=r"model 'a' cannot be loaded: .* cannot be read: Permission denied; check"):
        models.load(Entry(1, "a", str(tmp_path)), SETTINGS)


def test_each_copy_is_refused_where_memory_has_become_short(
    entries: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "memory", lambda: Memory(1 << 30, 1 << 20))
    with pytest.raises(InsufficientMemoryError, match="there is no memory for model 'approval'"):
        Models(SETTINGS).hold(entries, entries)


def test_memory_is_flat_over_loads_and_unloads(entries: list[Entry], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    held = Models(SETTINGS)

    def turn(times: int) -> int:
        for _ in range(times):
            held.hold(entries, entries)
            held.service("counts").prepare(CSV)(b"1,2")
            held.hold([], [])
        return memory.resident()

    assert turn(150) - turn(20) < 4_000_000
