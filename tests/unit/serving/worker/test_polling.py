"""A selector that stays awake for a single client, and only for one."""

import select
import selectors
import socket
import time
from collections.abc import Iterator

import pytest

from container.serving.worker import polling
from container.serving.worker.polling import IN_A_ROW, Polling


class Client:
    """A connection that a selector waits for, and how often it was asked without waiting."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.alone = True
        self.far, near = socket.socketpair()
        self.near = near
        self.selector = Polling(lambda: self.alone)
        self.selector.register(near, selectors.EVENT_READ)
        self.waits: list[float | None] = []
        real = selectors.DefaultSelector.select

        def counted(selector: Polling, timeout: float | None = None) -> polling.Ready:
            self.waits.append(timeout)
            return real(selector, timeout)

        monkeypatch.setattr(selectors.DefaultSelector, "select", counted)

    def request(self) -> None:
        self.far.send(b"x")
        assert [key.fileobj for key, _ in self.selector.select(1)] == [self.near]
        assert self.near.recv(10) == b"x"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    client = Client(monkeypatch)
    yield client
    client.selector.close()
    client.far.close()
    client.near.close()


def test_it_looks_again_after_many_requests_in_a_row_and_then_sleeps(client, monkeypatch):
    monkeypatch.setattr(polling, "AWAKE", 0.02)
    for _ in range(IN_A_ROW):
        client.request()
    assert client.waits == [1] * IN_A_ROW
    del client.waits[:]
    assert client.selector.select(0.05) == []
    assert len(client.waits) > 10
    assert set(client.waits[:-1]) == {0}
    assert client.waits[-1] == 0.05
    del client.waits[:]
    assert client.selector.select(0.01) == []  # the client is gone for now
    assert client.waits == [0.01]


def test_a_request_that_comes_meanwhile_is_found(client):
    for _ in range(IN_A_ROW + 5):
        client.request()
    assert client.waits[IN_A_ROW:] == [0] * 5


def test_with_other_connections_it_sleeps_at_once(client):
    for _ in range(IN_A_ROW):
        client.request()
    client.alone = False
    del client.waits[:]
    assert client.selector.select(0.01) == []
    client.alone = True
    client.request()
    assert client.waits == [0.01, 1]


def test_it_is_awake_for_no_longer_than_it_says(client):
    for _ in range(IN_A_ROW):
        client.request()
    began = time.thread_time()
    assert client.selector.select(0.2) == []
    assert time.thread_time() - began < 0.05


def test_other_events_are_seen_as_ever(client):
    client.selector.modify(client.near, selectors.EVENT_WRITE)
    assert client.selector.select(1)[0][1] == selectors.EVENT_WRITE
    assert select.select([client.near], [], [], 0)[0] == []
