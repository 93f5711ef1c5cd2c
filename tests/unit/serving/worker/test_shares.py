"""Who has how many connections, and who leaves a new one to whom."""

import os
from types import SimpleNamespace

import pytest

from container.serving.worker import loop
from container.serving.worker.loop import FastWorker
from container.serving.worker.shares import Shares

MANY = 10**6


def test_the_least_of_the_others():
    shares = Shares(3)
    assert shares.least(0) > MANY
    for slot, count in enumerate((5, 7, 3)):
        shares.say(slot, count)
    assert [shares.least(slot) for slot in range(3)] == [3, 3, 5]
    shares.leave(2)
    assert [shares.least(slot) for slot in range(2)] == [7, 5]
    assert shares.least(3) == 7  # a worker that begins before the one it replaces has ended


def test_a_worker_alone_has_nobody_to_leave_it_to():
    shares = Shares(1)
    shares.say(0, 100)
    assert shares.least(0) > MANY


def test_another_process_sees_it():
    shares = Shares(2)
    if (child := os.fork()) == 0:
        shares.say(1, 42)
        os._exit(0)
    os.waitpid(child, 0)
    assert shares.least(0) == 42


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> FastWorker:
    worker = FastWorker.__new__(FastWorker)
    worker.app = SimpleNamespace(shares=Shares(2))
    worker.slot, worker.nr_conns, worker._patience = 0, 0, (-1, 0.0)
    monkeypatch.setattr(loop.time, "monotonic", lambda: worker.now)
    worker.now = 100.0
    return worker


def test_a_connection_is_left_to_a_worker_that_has_two_fewer(worker):
    found = []
    worker.app.shares.say(1, 3)
    for worker.nr_conns in range(7):
        found.append(worker._leaves_it())
    assert found == [False] * 5 + [True] * 2


def test_one_that_does_not_come_for_it_is_not_waited_for_again(worker):
    worker.app.shares.say(1, 0)
    worker.nr_conns = 5
    assert worker._leaves_it()
    worker.now += loop._PATIENCE / 2
    assert worker._leaves_it()
    worker.now += loop._PATIENCE
    assert not worker._leaves_it()
    worker.nr_conns = 6
    assert not worker._leaves_it()
    worker.app.shares.say(1, 1)  # it is there again
    assert worker._leaves_it()


def test_with_nobody_else_it_takes_all(worker):
    worker.nr_conns = 1000
    assert not worker._leaves_it()
