"""A program of the user's: run to its end, told of the signals that come, its stderr shown and kept."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from container.contract.outcome import SIGNALS

KEPT_BYTES = 64 * 1024
"""Of stderr, from its end: a traceback with all its causes."""


class Ended(NamedTuple):
    """``code`` as subprocess gives it, negative for a signal; ``stopped``: a signal was passed on before."""

    code: int
    stopped: bool


class Kept:
    """The end of what was written to stderr."""

    def __init__(self) -> None:
        self._data = b""

    def add(self, data: bytes) -> None:
        self._data = (self._data + data)[-KEPT_BYTES:]

    @property
    def lines(self) -> list[str]:
        return self._data.decode("utf-8", "replace").splitlines()


@contextmanager
def keep_stderr() -> Iterator[Kept]:
    """Until the block ends, keep a copy of what this process and its children write to stderr.

    It is the file descriptor that is taken, since the programs that write are started by other libraries too.
    """
    kept = Kept()
    source, sink = os.pipe()
    shown = os.dup(2)
    os.dup2(sink, 2)
    os.close(sink)

    def copy() -> None:
        while data := os.read(source, KEPT_BYTES):
            kept.add(data)
            while data:
                data = data[os.write(shown, data) :]

    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        os.dup2(shown, 2)
        thread.join(timeout=2)  # not for ever: a process left in the background may still hold the pipe
        if not thread.is_alive():
            os.close(source)
            os.close(shown)


def run(command: list[str], folder: Path, *, shell: bool) -> Ended:
    """Run a command in ``folder`` to its end; SIGTERM and SIGINT are passed on to it. For the main thread.

    A Python program gets the signal alone, as if it were process 1: its workers, which may have inherited its
    handler, are its own affair. With ``shell`` the whole process group gets it, for a shell passes nothing on,
    and dies at once: then the last of the group that ends gives the exit code.
    """
    pending: list[int] = []
    process: subprocess.Popen[bytes] | None = None
    stopped = False

    def pass_on(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True
        pending.append(number)
        if process is not None:
            _send(pending, process, group=shell)

    previous = {number: signal.signal(number, pass_on) for number in SIGNALS}
    try:
        process = subprocess.Popen(command, cwd=folder, process_group=0)
        _send(pending, process, group=shell)  # what came while there was nobody to send it to
        code = process.wait()
        return Ended(_last_of_group(process.pid, code) if shell and stopped else code, stopped)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _send(pending: list[int], process: "subprocess.Popen[bytes]", *, group: bool) -> None:
    while pending:
        number = pending.pop()
        if not group:
            process.send_signal(number)
            continue
        with suppress(ProcessLookupError):  # all have ended by themselves
            os.killpg(process.pid, number)


def _last_of_group(group: int, code: int) -> int:
    """Wait for the others of the group, which process 1 inherits, and give the last one's exit code."""
    while True:
        try:
            _, status = os.waitpid(-group, 0)
        except ChildProcessError:
            return code
        code = os.waitstatus_to_exitcode(status)
