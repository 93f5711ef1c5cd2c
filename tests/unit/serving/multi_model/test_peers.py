"""What workers tell each other; another worker is another process."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from container.errors import ConflictError, ContainerError, UnavailableError
from container.serving.multi_model import peers
from tests.support.serving import ROOT


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="peers-") as path:
        yield Path(path)


_PROGRAM = """
import os, sys, time
from pathlib import Path
from container.errors import ConflictError
from container.serving.multi_model import peers
folder = Path(sys.argv[1])
def done(message):
    with (folder / "log").open("a") as log:
        log.write(f"{os.getpid()} {message['do']}\\n")
    if message["do"] == "refuse": raise ConflictError("it is there")
    if message["do"] == "fail": raise ZeroDivisionError
    if message["do"] == "die": os._exit(1)
    if message["do"] == "sleep": time.sleep(60)
peers.listen(folder, done)
time.sleep(60)
"""


@contextmanager
def worker(folder: Path) -> Iterator[int]:
    command = [sys.executable, "-c", _PROGRAM, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        wait_for(lambda: accepts(folder / f"{process.pid}.worker"))
        yield process.pid
        process.kill()


def accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(str(path)) == 0


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def two(folder: Path) -> Iterator[list[int]]:
    with ExitStack() as stack:
        yield sorted((stack.enter_context(worker(folder)) for _ in range(2)), key=str)


def told(folder: Path) -> list[str]:
    return (folder / "log").read_text().splitlines()


def test_alone_there_is_nobody_to_tell(folder: Path) -> None:
    peers.tell(folder, {"do": "it"}, 1)


def test_all_others_have_done_it_once_tell_returns(folder: Path, two: list[int]) -> None:
    peers.tell(folder, {"do": "it"}, 30)
    assert told(folder) == [f"{pid} it" for pid in two]


def test_an_error_of_another_is_ones_own(folder: Path, two: list[int]) -> None:
    with pytest.raises(ContainerError, match=r"^it is there$") as caught:
        peers.tell(folder, {"do": "refuse"}, 30)
    assert caught.value.status == ConflictError.status
    with pytest.raises(ContainerError, match="a worker failed; see the log") as caught:
        peers.tell(folder, {"do": "fail"}, 30)
    assert caught.value.status == 500
    peers.tell(folder, {"do": "it"}, 30)
    assert len(told(folder)) == 4


def test_one_that_dies_meanwhile_is_passed_over_and_so_is_one_that_is_dead(folder: Path, two: list[int]) -> None:
    os.kill(two[0], signal.SIGKILL)
    wait_for(lambda: not accepts(folder / f"{two[0]}.worker"))
    peers.tell(folder, {"do": "it"}, 30)
    assert told(folder) == [f"{two[1]} it"]
    assert not (folder / f"{two[0]}.worker").exists()
    peers.tell(folder, {"do": "die"}, 30)
    assert told(folder)[-1] == f"{two[1]} die"
    peers.tell(folder, {"do": "it"}, 30)
    assert len(told(folder)) == 2


def test_one_that_does_not_answer_in_time_is_told(folder: Path, two: list[int]) -> None:
    with pytest.raises(UnavailableError, match=r"a worker has not answered in 0\.2 s; ask again"):
        peers.tell(folder, {"do": "sleep"}, 0.2)
