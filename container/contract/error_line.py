"""What a program wrote to stderr before it failed -> the one line of it that says why.

Sources of the forms: Python's traceback module and `sys.exit`, argparse, pip.
"""

import re
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

MAX_LENGTH = 600
"""Of the line: what follows it must fit into the failure file's 1024 characters too."""

_HEADER = "Traceback (most recent call last)"
_MARGIN = re.compile(r"^  [|+] ")  # of an exception group's outermost part
_FRAME = re.compile(r' +File "(?P<file>[^"]+)", line (?P<line>\d+)')


class _Frame(NamedTuple):
    file: str
    line: int


def reason(program: str, code: int, stderr: Sequence[str], folder: Path) -> str:
    """Why a program that lies in ``folder`` ended with this exit code, negative for a signal."""
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return f"{program} was killed, most likely for lack of memory; use an instance with more, or less data at once"
    if code < 0:
        return f"{program} was ended by {signal.Signals(-code).name}; the log has what it wrote before"
    if line := exception_line(stderr, folder):
        return line
    if line := last_line(stderr):
        return f"{line} ({program} ended with exit code {code})"
    return f"{program} ended with exit code {code} and wrote nothing to stderr; the log has what it printed"


def exception_line(lines: Sequence[str], folder: Path) -> str:
    """``ValueError: no rows (train.py line 12)`` of the last traceback, "" where there is none.

    The place is the innermost frame in a file below ``folder``, which holds the user's code; without one, the
    innermost of all.
    """
    found = ""
    lines = [_MARGIN.sub("", line) for line in lines]
    frames: list[_Frame] = []
    ignored = False  # by Python itself, in a destructor: it ended nothing
    for number, line in enumerate(lines):
        if line.startswith(_HEADER):
            frames, ignored = [], number > 0 and lines[number - 1].startswith("Exception ignored")
        elif match := _FRAME.match(line):
            frames.append(_Frame(match["file"], int(match["line"])))
        elif frames and line.strip() and not line.startswith(" "):  # the exception, below its frames
            found = found if ignored else f"{_message(lines[number:])} ({_place(frames, folder)})"
            frames = []
    return found


def last_line(lines: Sequence[str]) -> str:
    """The last line with a word in it, "" where there is none: where programs that explain themselves do so."""
    return next((_shortened(line) for line in reversed(lines) if re.search(r"\w", line)), "")


def pip_line(lines: Sequence[str]) -> str:
    """What pip gave as its error: the last line that it marked so, or the last one of all."""
    marked = [line for line in lines if line.startswith("ERROR: ")]
    return last_line(marked or lines).removeprefix("ERROR: ")


def _message(lines: Sequence[str]) -> str:
    """The exception's line, and what it announces where it ends in a colon; no library's stack."""
    taken: list[str] = []
    for line in lines:
        if line.startswith("Stack trace"):
            break
        taken += [line.strip()] if line.strip() else []
        if taken and not taken[-1].endswith(":"):
            break
    return _shortened(" ".join(taken))


def _place(frames: Sequence[_Frame], folder: Path) -> str:
    """A file of the user's below ``folder`` is named from there, any other by its last part."""
    for frame in reversed(frames):
        path = folder / frame.file  # what is absolute stays so
        if path.is_relative_to(folder) and not frame.file.startswith("<"):
            return f"{path.relative_to(folder).as_posix()} line {frame.line}"
    return f"{Path(frames[-1].file).name} line {frames[-1].line}"


def _shortened(text: str) -> str:
    text = text.strip()
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}…"
