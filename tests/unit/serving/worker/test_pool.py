"""Threads with a bounded queue."""

from threading import Event

import numpy as np
import pytest
import xgboost

from container.serving.worker.pool import Pool


def test_it_counts_what_waits_and_knows_when_it_is_full() -> None:
    pool, go = Pool(1, 2), Event()
    try:
        jobs = [pool.give(go.wait) for _ in range(3)]
        assert (pool.given, pool.waiting, pool.full()) == (3, 2, True)
        go.set()
        jobs[0].result()
        pool.finished(jobs[0], 8.0)
        assert (pool.given, pool.waiting, pool.full()) == (2, 1, False)
        assert pool.full(expected=1)
        assert pool.retry_after() == 1
        for job in jobs[1:]:
            job.result()
            pool.finished(job, 800.0)
        assert pool.given == 0
    finally:
        pool.shutdown()


def test_when_to_come_again_follows_from_what_waits_and_how_long_it_took() -> None:
    pool, go = Pool(2, 1000), Event()
    try:
        jobs = [pool.give(go.wait) for _ in range(12)]
        pool.finished(jobs.pop(), 8.0)
        assert pool.retry_after() == 5  # nine wait for two threads, a second each
        pool.finished(jobs.pop(), 4000.0)
        assert pool.retry_after() == 60
    finally:
        go.set()
        pool.shutdown()


def test_what_waits_can_be_given_up() -> None:
    pool, go = Pool(1, 2), Event()
    try:
        jobs = [pool.give(go.wait) for _ in range(3)]
        while not jobs[0].running():
            pass
        pool.give_up()
        assert [job.cancelled() for job in jobs] == [False, True, True]
    finally:
        go.set()
        pool.shutdown()


def test_what_xgboost_warns_of_in_its_threads_is_a_warning() -> None:
    data = xgboost.DMatrix(np.ones((2, 1)), np.zeros(2), nthread=1)
    booster = xgboost.Booster({"no_such": 3, "nthread": 1, "verbosity": 1}, [data])
    pool = Pool(1, 2)
    try:
        with pytest.warns(UserWarning, match="no_such"):
            pool.give(booster.update, data, 0).result()
    finally:
        pool.shutdown()
