import errno
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from container.contract.outcome import StoppedError, forget_failure, report_failure, stop_on_signals
from container.errors import ContainerError, ModelError, UserError


class RareError(ContainerError):
    exit_code = 3


@pytest.mark.parametrize(
    ("error", "text", "code"),
    [
        pytest.param(UserError("'eta': must be at most 1, got '2'"), "'eta': must be at most 1, got '2'", 1, id="user"),
        pytest.param(RareError("cause"), "cause", 3, id="the class says the code"),
        pytest.param(ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero", 1, id="unforeseen"),
        pytest.param(RuntimeError("cause\nStack trace:\n  [bt]"), "RuntimeError: cause", 1, id="a library's stack"),
        pytest.param(UserError("é" * 2000), "é" * 1024, 1, id="as much as the platform shows"),
        pytest.param(UserError("name \udcff"), "name ?", 1, id="a name that is no text"),
    ],
)
def test_failure_file_holds_the_message_alone(tmp_path, error, text, code):
    failure = tmp_path / "output" / "failure"
    assert report_failure(error, failure) == code
    assert failure.read_text("utf-8") == text


def test_only_unforeseen_errors_log_a_traceback(tmp_path, caplog):
    try:
        raise KeyError("rounds")
    except KeyError as error:
        report_failure(error, tmp_path / "failure")
    report_failure(UserError("known"), tmp_path / "failure")
    assert [bool(record.exc_info) for record in caplog.records] == [True, False]


def test_a_failure_file_that_cannot_be_written_hides_nothing(tmp_path, caplog):
    (tmp_path / "output").write_text("a file where the folder should be")
    assert report_failure(ModelError("the cause"), tmp_path / "output" / "failure") == 1
    assert caplog.messages[0] == "the cause"
    assert "the failure file cannot be written" in caplog.text


def test_the_failure_file_of_an_earlier_run_is_removed(tmp_path, caplog):
    failure = tmp_path / "failure"
    failure.write_text("the last job's")
    forget_failure(failure)
    assert not failure.exists()
    forget_failure(failure)
    assert caplog.text == ""


def test_one_that_cannot_be_removed_is_said_and_hides_nothing(tmp_path, caplog):
    (tmp_path / "failure").mkdir()
    forget_failure(tmp_path / "failure")
    assert "the failure file of an earlier run cannot be removed: " in caplog.text


def test_on_a_read_only_file_system_nothing_is_said_of_a_file_that_is_not_there(tmp_path, caplog, monkeypatch):
    def refuse(self: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(self))

    monkeypatch.setattr(Path, "unlink", refuse)
    forget_failure(tmp_path / "failure")
    assert caplog.text == ""


def test_a_stop_is_no_failure(tmp_path, caplog):
    assert report_failure(StoppedError("stopped"), tmp_path / "failure") == 143
    assert not (tmp_path / "failure").exists()
    assert caplog.records[0].levelno == logging.WARNING


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_before_the_rounds_a_signal_ends_the_job(number):
    program = (
        "import os; from container.contract.outcome import stop_on_signals\n"
        f"with stop_on_signals(): os.kill(os.getpid(), {int(number)}); print('went on')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 143
    assert ended.stdout == "WARNING: stopped before the first round; there is no model\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_in_the_rounds_a_signal_only_sets_the_flag(number):
    with stop_on_signals() as stop:
        stop.defer()
        assert not stop.requested
        os.kill(os.getpid(), number)
        assert stop.requested


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with stop_on_signals():
        assert signal.getsignal(signal.SIGTERM) != before[0]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
