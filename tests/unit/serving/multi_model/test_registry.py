"""The record of loaded models."""

import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from container.errors import ContainerError, UnavailableError
from container.serving.multi_model.registry import Entry, Registry, State

A, B = Entry(1, "../a/\0é", "/opt/ml/models/a/model"), Entry(2, "b", "/opt/ml/models/b/model")


@pytest.fixture
def registry() -> Iterator[Registry]:
    made = Registry.create()
    yield made
    made.remove()


def test_it_is_empty_at_first_and_each_server_has_one_of_its_own(registry: Registry) -> None:
    assert registry.read() == State()
    other = Registry.create()
    assert other.folder != registry.folder
    other.remove()
    assert not other.folder.exists()


def test_what_is_written_is_read_and_a_name_is_no_path(registry: Registry) -> None:
    state = State((A, B), 3)
    registry.write(state)
    assert Registry(registry.folder).read() == state
    assert state.find(A.name) == A
    assert state.find("c") is None
    assert state.without([A]) == State((B,), 3)
    assert [path.name for path in registry.folder.iterdir()] == ["state.json"]


def test_one_at_a_time_changes_it_and_the_next_waits(registry: Registry) -> None:
    order = []

    def wait() -> None:
        with registry.locked(10):
            order.append("second")

    with registry.locked(10):
        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.1)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_who_waits_too_long_is_told(registry: Registry) -> None:
    with (
        registry.locked(10),
        pytest.raises(UnavailableError, match="other models are still being loaded"),
        registry.locked(0.1),
    ):
        raise AssertionError


def test_a_lock_is_let_go_where_a_change_fails(registry: Registry) -> None:
    with pytest.raises(ZeroDivisionError), registry.locked(10):
        raise ZeroDivisionError
    with registry.locked(0):
        pass


def test_without_a_place_the_server_does_not_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(ContainerError, match="a multi-model endpoint needs a writable /tmp: No such file"):
        Registry.create()
    long = tmp_path / ("x" * 80)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with pytest.raises(ContainerError, match="set TMPDIR to a shorter"):
        Registry.create()
    assert list(long.iterdir()) == []
