"""How a training job ends: its failure file, its exit code, and the request to stop.

Sources: AWS's developer guide (FailureReason is the first 1024 characters of the failure file; SIGTERM
comes 120 s before SIGKILL); signals as a context manager after uvicorn's ``capture_signals``.
"""

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from container.errors import ContainerError

FAILURE_REASON_CHARACTERS = 1024

SIGNALS = (signal.SIGTERM, signal.SIGINT)
_log = logging.getLogger(__name__)


class StoppedError(ContainerError):
    """The job was told to stop while it had nothing to save yet."""

    exit_code = 128 + signal.SIGTERM  # as if the signal had ended the process; the platform reads no fault here


class StopFlag:
    """Whether the job was told to stop.

    Until ``defer()`` a signal ends the process at once: there is no model to save. After it, a signal only
    sets ``requested``, for the rounds to end at the next one and the model to be written. ``before_exit`` is called
    before the process ends at once, to leave nothing behind.
    """

    def __init__(self) -> None:
        self.requested = False
        self.before_exit: Callable[[], None] = lambda: None
        self._deferred = False

    def defer(self) -> None:
        """Call before the first round."""
        self._deferred = True

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        if not self._deferred:
            # No exception: one raised inside a C extension, in its import above all, can crash the process. No
            # log record either: the signal may have come in the middle of writing one.
            os.write(sys.stdout.fileno(), b"WARNING: stopped before the first round; there is no model\n")
            self.before_exit()
            os._exit(StoppedError.exit_code)


@contextmanager
def stop_on_signals() -> Iterator[StopFlag]:
    """Answer SIGTERM and SIGINT through a StopFlag; for the main thread."""
    stop = StopFlag()
    previous = {number: signal.signal(number, stop._handle) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def forget_failure(failure: Path) -> None:
    """Remove the failure file of an earlier run in the same local folder."""
    try:
        failure.unlink()
    except OSError as problem:
        # Said, and no more: where nothing can be written, the model's folder is what the job fails for. A read-only
        # file system refuses even where there is no such file.
        if os.path.lexists(failure):
            _log.warning("the failure file of an earlier run cannot be removed: %s", problem)


def report_failure(error: BaseException, failure: Path | None) -> int:
    """Say in the log and in the failure file why the job failed; returns the exit code.

    The file, where there is to be one, holds the message alone; the traceback of what nobody foresaw goes to the log.
    """
    if isinstance(error, StoppedError):
        _log.warning("%s", error)
        return error.exit_code
    if isinstance(error, ContainerError):
        message, code = str(error), error.exit_code
        _log.error("%s", message)
    else:
        first_line = str(error).partition("\n")[0]  # what follows can be a library's own stack
        message, code = f"{type(error).__name__}: {first_line}", ContainerError.exit_code
        _log.error("%s", message, exc_info=error)
    if failure is None:
        return code
    try:
        failure.parent.mkdir(parents=True, exist_ok=True)
        failure.write_text(message[:FAILURE_REASON_CHARACTERS], "utf-8", errors="replace")
    except OSError as problem:
        # The reason is in the log already, and the exit code still says that the job failed.
        _log.error("the failure file cannot be written: %s", problem)
    return code
