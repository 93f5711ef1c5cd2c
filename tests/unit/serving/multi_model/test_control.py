"""Changes: everywhere or nowhere. What several processes make of it is in tests/contract."""

import math
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from container.contract.resources import Memory
from container.contract.serving_env import ServingSettings
from container.errors import ConflictError, InsufficientMemoryError, NotFoundError, UnavailableError
from container.serving.multi_model import memory, models, peers
from container.serving.multi_model.control import Control
from container.serving.multi_model.models import Models
from container.serving.multi_model.registry import Entry, Registry, State
from container.serving.service import Asked
from tests.support.serving import MODELS

SETTINGS = ServingSettings(workers=2)


class Worker:
    """One worker's insides."""

    def __init__(self, registry: Registry) -> None:
        self.models = Models(SETTINGS)
        self.control = Control(registry, self.models, SETTINGS, wait=1)


@pytest.fixture
def registry() -> Iterator[Registry]:
    made = Registry.create()
    yield made
    made.remove()


@pytest.fixture
def worker(registry: Registry) -> Worker:
    return Worker(registry)


@pytest.fixture
def url(tmp_path: Path) -> str:
    folder = tmp_path / "approval"
    folder.mkdir()
    shutil.copy(MODELS / "approval.ubj", folder / "xgboost-model")
    return str(folder)


def names(worker: Worker) -> list[str]:
    return [entry.name for entry in worker.control.page(100, 0)[0]]


def test_the_log_names_every_model_however_many_come_and_go_at_once(
    worker: Worker, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for name in "abc":
        worker.control.load(name, url)
    for name in "abc":
        worker.control.unload(name)
    said = [record for record in caplog.records if "loaded model" in record.getMessage()]
    assert len(said) == 6
    assert all(record.every for record in said)  # type: ignore[attr-defined]  # see `container.logs`


def test_a_model_comes_and_goes(worker: Worker, url: str) -> None:
    assert worker.control.load("a", url) == Entry(1, "a", url)
    assert worker.control.entry("a") == Entry(1, "a", url)
    assert worker.models.service("a").prepare(Asked("text/csv"))(b"100,3").body == b'"no, thanks",0.45347622'
    with pytest.raises(ConflictError):
        worker.control.load("a", url)
    assert worker.control.unload("a").name == "a"
    for gone in (worker.control.entry, worker.control.unload, worker.models.service):
        with pytest.raises(NotFoundError):
            gone("a")
    assert worker.control.load("a", url).number == 2


def test_pages_go_on_where_they_ended_also_after_models_have_gone(worker: Worker, url: str) -> None:
    for name in "abcdef":
        worker.control.load(name, url)
    first, after = worker.control.page(3, 0)
    assert ([entry.name for entry in first], after) == (["a", "b", "c"], 3)
    for name in "bc":
        worker.control.unload(name)
    second, after = worker.control.page(3, after)
    assert ([entry.name for entry in second], after) == (["d", "e", "f"], None)


def test_a_worker_is_told_to_hold_a_model_before_it_is_published_and_to_show_it_after(
    worker: Worker, registry: Registry, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def tell(folder: Path, message: peers.Message, seconds: float) -> None:
        seen.append((message["coming"], [entry.name for entry in registry.read().entries]))

    monkeypatch.setattr(peers, "tell", tell)
    worker.control.load("a", url)
    assert seen == [({"number": 1, "name": "a", "url": url}, []), (None, ["a"])]
    seen.clear()
    worker.control.unload("a")
    assert seen == [(None, [])]


@pytest.mark.parametrize("failing", [1, 2])
def test_a_model_that_one_worker_cannot_load_is_loaded_by_none(
    worker: Worker, url: str, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    worker.control.load("a", url)
    calls: list[peers.Message] = []

    def tell(folder: Path, message: peers.Message, seconds: float) -> None:
        calls.append(message)
        if len(calls) == failing:
            raise InsufficientMemoryError("there is no memory")

    monkeypatch.setattr(peers, "tell", tell)
    with pytest.raises(InsufficientMemoryError):
        worker.control.load("b", url)
    assert calls[-1] == {"coming": None}
    assert names(worker) == ["a"]
    assert worker.models.get("b") is None
    monkeypatch.undo()
    assert worker.control.load("b", url).number == 3  # the number of the one before is used up


def test_all_copies_must_fit(worker: Worker, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    size = (Path(url) / "xgboost-model").stat().st_size
    total = 1 << 20
    kept = total // 4  # for requests

    def free(more: int) -> None:
        monkeypatch.setattr(memory, "memory", lambda: Memory(total, kept + more))

    free(2 * math.ceil(0.75 * size) - 1)  # two copies of the least there is
    with pytest.raises(InsufficientMemoryError):
        worker.control.load("a", url)
    monkeypatch.setattr(models, "load", None)  # which has not been called, and is not
    with pytest.raises(InsufficientMemoryError):
        worker.control.load("a", url)
    monkeypatch.undo()

    monkeypatch.setattr(memory, "kept", lambda *_: 6 * size)
    free(5 * size)  # enough by the files, and too little by what the first copy takes
    with pytest.raises(InsufficientMemoryError):
        worker.control.load("a", url)
    assert names(worker) == []
    assert worker.models._held == {}
    free(6 * size)
    worker.control.load("a", url)


def test_a_fault_leaves_nothing_behind(worker: Worker, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(peers, "tell", fail)
    with pytest.raises(ZeroDivisionError):
        worker.control.load("a", url)
    monkeypatch.undo()
    assert names(worker) == []
    worker.control.load("a", url)


def test_a_new_worker_has_all_models_before_it_begins(worker: Worker, registry: Registry, url: str) -> None:
    worker.control.load("a", url)
    worker.control.load("b", url)
    new = Worker(registry)
    new.control.join()
    assert new.models.get("a") is not None
    assert new.models.get("b") is not None


def test_a_model_that_a_new_worker_cannot_load_is_unloaded_everywhere(
    worker: Worker, registry: Registry, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    worker.control.load("a", url)
    shutil.copytree(url, f"{url}-2")
    worker.control.load("b", f"{url}-2")
    shutil.rmtree(url)
    new = Worker(registry)
    new.control.join()
    assert "unloading model 'a', which a new worker cannot load: there is no folder" in caplog.text
    assert names(new) == names(worker) == ["b"]
    assert new.models.get("b") is not None


def test_what_is_asked_for_late_does_not_bring_back_what_has_gone(worker: Worker, registry: Registry, url: str) -> None:
    """A worker that was busy reads a message of a change that has been given up meanwhile."""
    worker.control.load("a", url)
    worker.control.unload("a")
    worker.control._obey({"coming": {"number": 1, "name": "a", "url": url}})
    assert worker.models.get("a") is None
    worker.control.load("b", url)
    assert list(worker.models._held) == [2]


def test_a_change_that_waits_too_long_is_given_up(worker: Worker, registry: Registry, url: str) -> None:
    with registry.locked(1), pytest.raises(UnavailableError, match="other models are still being loaded"):
        worker.control.load("a", url)
    assert registry.read() == State()


def test_too_many_changes_at_once_are_refused(worker: Worker, registry: Registry, url: str) -> None:
    failed: list[str] = []

    def load(number: int) -> None:
        try:
            worker.control.load(str(number), url)
        except UnavailableError as error:
            failed.append(str(error))

    with registry.locked(1):
        threads = [threading.Thread(target=load, args=[number]) for number in range(24)]
        for thread in threads:
            thread.start()
        while worker.control._waiting._value:
            time.sleep(0.01)
        with pytest.raises(UnavailableError, match="too many models are waiting to be loaded or unloaded; ask again"):
            worker.control.unload("a")
    for thread in threads:
        thread.join(30)
    assert len(names(worker)) == 24 - len(failed)  # those that have waited for a second are told so
