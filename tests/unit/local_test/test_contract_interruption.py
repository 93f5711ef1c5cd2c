"""A signal ends the contract check only where nothing is being made."""

import os
import signal
from collections.abc import Iterator

import pytest
from contract_check.docker import Docker, DockerError
from contract_check.interruption import Interrupted, Interruption


@pytest.fixture
def interruption() -> Iterator[Interruption]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    made = Interruption()
    made.install()
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_raised_at_once(interruption: Interruption, number: int) -> None:
    with pytest.raises(Interrupted) as raised:
        os.kill(os.getpid(), number)
    assert raised.value.number == number


def test_a_block_is_not_ended_half_way(interruption: Interruption) -> None:
    steps = []

    def block() -> None:
        with interruption.held():
            os.kill(os.getpid(), signal.SIGINT)
            steps.append("still here")

    with pytest.raises(Interrupted):
        block()
    assert steps == ["still here"]


def test_nothing_disturbs_the_cleaning_up(interruption: Interruption) -> None:
    interruption.ignore()
    os.kill(os.getpid(), signal.SIGTERM)
    with interruption.held():
        os.kill(os.getpid(), signal.SIGINT)


def test_what_the_client_says_is_the_error(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    client = tmp_path / "docker"
    client.write_text('#!/bin/sh\necho "cannot $1" >&2\nexit 1\n')
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(DockerError, match=r"^cannot pull$"):
        Docker().call("pull", "image")
    assert Docker().try_("pull", "image") == ""


def test_an_engine_that_hangs_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    client = tmp_path / "docker"
    client.write_text("#!/bin/sh\nexec sleep 60\n")
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    docker = Docker(patience=0.2)
    with pytest.raises(DockerError, match=r"^no answer to ps --all in 0\.2 s$"):
        docker.call("ps", "--all")
