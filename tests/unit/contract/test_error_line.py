"""The line of a program's stderr that says why it failed, and where."""

import subprocess
import sys
from pathlib import Path

import pytest

from container.contract.error_line import MAX_LENGTH, exception_line, last_line, pip_line, reason

CHAINED = """
def parse(text):
    return int(text)

try:
    parse("x")
except ValueError as error:
    raise RuntimeError("line 3 of the data") from error
"""

IN_A_DESTRUCTOR = """
class Handle:
    def __del__(self):
        raise OSError("already closed")

handle = Handle()
raise ValueError("the cause")
"""

LOGGED = """
import logging, sys
try:
    {}["label"]
except KeyError:
    logging.exception("no label")
    sys.exit(1)
"""

SEVERAL_LINES = """
raise ValueError("\\nAll the 5 fits failed.\\nSecond line")
"""

GROUP = """
raise ExceptionGroup("two", [ValueError(1), KeyError(2)])
"""

NATIVE = """
raise RuntimeError("[10:00:00] src/data.cc:12: Check failed: rows > 0 (0 vs. 0) :\\nStack trace:\\n  [bt] (0) lib.so")
"""

RECURSION = "def f():\n    return f()\n\n\nf()\n"

IN_A_THREAD_FIRST = """
import threading
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
raise ValueError("the cause")
"""


@pytest.mark.parametrize(
    ("program", "line"),
    [
        pytest.param("1 / 0", "ZeroDivisionError: division by zero (train.py line 1)", id="one line"),
        pytest.param(CHAINED, "RuntimeError: line 3 of the data (train.py line 8)", id="chained"),
        pytest.param(IN_A_DESTRUCTOR, "ValueError: the cause (train.py line 7)", id="destructor"),
        pytest.param(LOGGED, "KeyError: 'label' (train.py line 4)", id="logged"),
        pytest.param(SEVERAL_LINES, "ValueError: All the 5 fits failed. (train.py line 2)", id="message below"),
        pytest.param(
            NATIVE,
            "RuntimeError: [10:00:00] src/data.cc:12: Check failed: rows > 0 (0 vs. 0) : (train.py line 2)",
            id="native stack",
        ),
        pytest.param(
            RECURSION, "RecursionError: maximum recursion depth exceeded (train.py line 2)", id="endless recursion"
        ),
        pytest.param(IN_A_THREAD_FIRST, "ValueError: the cause (train.py line 6)", id="thread"),
        pytest.param("import xml.nothing", "ModuleNotFoundError: No module named 'xml.nothing' (train.py line 1)"),
        pytest.param("assert False", "AssertionError (train.py line 1)", id="no message"),
        pytest.param(GROUP, "ExceptionGroup: two (2 sub-exceptions) (train.py line 2)", id="group"),
    ],
)
def test_exception_as_this_python_prints_it(tmp_path: Path, program: str, line: str) -> None:
    (tmp_path / "train.py").write_text(program)
    done = subprocess.run([sys.executable, "train.py"], cwd=tmp_path, capture_output=True, text=True)
    assert reason("train.py", done.returncode, done.stderr.splitlines(), tmp_path) == line


def test_without_a_frame_of_the_users_the_innermost_is_the_place() -> None:
    stderr = ["Traceback (most recent call last):", '  File "/usr/lib/runpy.py", line 88, in run', "ImportError: x"]
    assert exception_line(stderr, Path("/opt/ml/code")) == "ImportError: x (runpy.py line 88)"


def test_a_long_message_leaves_room_for_the_place() -> None:
    stderr = ['  File "/opt/ml/code/a.py", line 1, in f', f"ValueError: {'x' * 5000}"]
    line = exception_line(stderr, Path("/opt/ml/code"))
    assert len(line) < MAX_LENGTH + 30
    assert line.endswith("x… (a.py line 1)")


def test_last_line_is_the_last_with_a_word() -> None:
    assert last_line(["usage: a", "a: error: unknown b", "  ", "---"]) == "a: error: unknown b"
    assert last_line([]) == ""


@pytest.mark.parametrize(
    ("stderr", "line"),
    [
        pytest.param(
            [
                "ERROR: Could not find a version that satisfies the requirement nowhere==1 (from versions: none)",
                "ERROR: No matching distribution found for nowhere==1",
                "[notice] A new release of pip is available",
            ],
            "No matching distribution found for nowhere==1",
            id="marked",
        ),
        pytest.param(["/usr/bin/python3: No module named pip"], "/usr/bin/python3: No module named pip", id="not pip"),
    ],
)
def test_pip_line(stderr: list[str], line: str) -> None:
    assert pip_line(stderr) == line


@pytest.mark.parametrize(
    ("code", "starts"),
    [
        pytest.param(-9, "train.py was killed, most likely for lack of memory", id="killed"),
        pytest.param(137, "train.py was killed, most likely for lack of memory", id="killed below a shell"),
        pytest.param(-11, "train.py was ended by SIGSEGV", id="crashed"),
        pytest.param(3, "gone wrong (train.py ended with exit code 3)", id="explained"),
    ],
)
def test_reason_by_exit_code(code: int, starts: str) -> None:
    assert reason("train.py", code, ["gone wrong"], Path("/opt/ml/code")).startswith(starts)
