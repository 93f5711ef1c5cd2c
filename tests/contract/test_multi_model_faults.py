"""A multi-model endpoint whose workers die, at any moment, and what it keeps in memory."""

import http.client
import os
import random
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import xgboost

from tests.contract.multi_model import ANSWERS, Endpoint, endpoint
from tests.contract.test_multi_model import AGAIN, Clients, statuses

_LOST = (OSError, http.client.HTTPException)
"""What a client sees of a worker that dies with its request."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A model of some megabytes, which takes a while to load."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(10_000, 2)).astype(np.float32)
    data = xgboost.DMatrix(X, rng.random(10_000), nthread=1)
    settings = {"max_depth": 14, "min_child_weight": 0, "nthread": 1, "objective": "binary:logistic"}
    return bytes(xgboost.train(settings, data, 80).save_raw("ubj"))


@pytest.fixture
def many(tmp_path: Path, large: bytes) -> Iterator[Endpoint]:
    with endpoint(tmp_path, 3) as found:
        (found.folder / "large").mkdir()
        (found.folder / "large" / "xgboost-model").write_bytes(large)
        until_there_are_three(found)
        yield found


def until_there_are_three(many: Endpoint, but: int = 0) -> list[int]:
    deadline = time.monotonic() + 30
    while len(found := many.server.workers()) != 3 or but in found:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def test_a_worker_that_dies_is_replaced_by_one_with_all_models(many: Endpoint) -> None:
    for name in ANSWERS:
        assert many.load(name, name).status == 200
    for victim in many.server.workers():
        os.kill(victim, signal.SIGKILL)
        until_there_are_three(many, victim)
        for name, answer in ANSWERS.items():
            assert {many.invoke(name).body for _ in range(AGAIN)} == {answer}
    assert {tuple(many.names()) for _ in range(AGAIN)} == {tuple(ANSWERS)}
    assert many.unload("sizes").status == 200
    assert statuses(many, "sizes") == {404}


def test_others_answer_while_one_is_replaced_and_nobody_is_told_that_a_model_is_not_there(many: Endpoint) -> None:
    assert many.load("a").status == 200
    assert many.load("b", "large").status == 200
    victim = many.server.workers()[0]
    asked = []
    os.kill(victim, signal.SIGKILL)
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline:
        try:
            asked.append(many.invoke("a").status)
        except _LOST:  # it was connected to the one that died
            asked.append(0)
    assert set(asked) <= {0, 200}
    assert asked.count(0) <= 1
    assert many.load("c").status == 200
    assert statuses(many, "c") == {200}


@pytest.mark.parametrize("seed", range(8))
def test_killed_at_any_moment_of_a_change_all_workers_agree_in_the_end(many: Endpoint, seed: int) -> None:
    chance = random.Random(seed)
    assert many.load("a").status == 200
    for change, golden in ((many.load, ["b", "large"]), (many.unload, ["b"]), (many.load, ["c", "large"])):
        with ThreadPoolExecutor(1) as pool:
            changing = pool.submit(change, *golden)
            time.sleep(chance.uniform(0, 0.4))
            victim = chance.choice(many.server.workers())
            os.kill(victim, signal.SIGKILL)
            try:
                status = changing.result(60).status
            except _LOST:
                status = 0
        assert status in (0, 200, 404)  # 404: the load before has come to nothing
        until_there_are_three(many, victim)
        assert many.load("settled").status == 200  # whatever is left of the change ends before this one
        for name in ("a", "b", "c"):
            (found,) = statuses(many, name)
            assert found == (200 if name in many.names() else 404)
        if status == 200:
            assert (golden[0] in many.names()) == (change == many.load)
        assert statuses(many, "a") == {200}
        assert many.unload("settled").status == 200


def resident(many: Endpoint) -> int:
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 for pid in many.server.workers())


def test_memory_is_free_again_once_the_reply_is_there(many: Endpoint, large: bytes) -> None:
    loaded, after = [], []
    for _ in range(24):
        assert many.load("a", "large").status == 200
        assert many.invoke("a").status == 200
        loaded.append(resident(many))
        assert many.unload("a").status == 200
        after.append(resident(many))
    # After the first ones, which bring in code and buffers, it is flat.
    assert max(after[12:]) - max(after[:12]) < 4 * len(large)
    assert all(full - free > 3 * len(large) for full, free in zip(loaded[12:], after[12:], strict=True))


def test_memory_is_free_again_once_the_reply_is_there_under_traffic(many: Endpoint, large: bytes) -> None:
    assert many.load("other").status == 200
    for _ in range(4):
        assert many.load("a", "large").status == 200
        assert many.unload("a").status == 200
    assert many.load("a", "large").status == 200
    with Clients(many, "other") as clients:
        while min(len(replies) for replies in clients.replies) < 200:  # until they take no more memory than they will
            time.sleep(0.01)
        before = resident(many)
        assert many.unload("a").status == 200
        assert before - resident(many) > 3 * len(large)


def test_without_memory_for_all_copies_a_model_is_refused(many: Endpoint) -> None:
    """A file that says that it is larger than all memory there is; nothing of it is read."""
    huge = many.folder / "huge" / "xgboost-model"
    huge.parent.mkdir()
    with huge.open("wb") as file:
        file.truncate(1 << 40)
    reply = many.load("a", "huge")
    assert reply.status == 507
    assert b"there is no memory for model 'a': it needs 2,359,296 MB more" in reply.body
    assert statuses(many, "a") == {404}
