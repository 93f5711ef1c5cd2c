"""What a program of the user's is told, and what is kept of it."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

KEEP = """
import os, subprocess, sys
from container.contract.user_process import keep_stderr
{0}
with keep_stderr() as kept:
    {1}
print(len(kept.lines), repr(kept.lines[-1]))
"""


def run(program: str) -> "subprocess.CompletedProcess[str]":
    """Run in a process of its own: file descriptor 2 is pytest's here."""
    return subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    ("action", "shown"),
    [
        pytest.param("sys.stderr.write('one\\ntwo')", "one\ntwo", id="of this process"),
        pytest.param("subprocess.run('echo one >&2; echo two >&2', shell=True)", "one\ntwo\n", id="of a child"),
    ],
)
def test_stderr_is_shown_and_kept(action: str, shown: str) -> None:
    done = run(KEEP.format("", action))
    assert done.stderr == shown
    assert done.stdout == "2 'two'\n"


def test_of_much_the_end_is_kept() -> None:
    done = run(KEEP.format("", "subprocess.run('seq 1000000 >&2', shell=True)"))
    assert done.stderr.endswith("\n1000000\n")
    assert len(done.stderr) == 6_888_896
    assert re.fullmatch("9... '1000000'\n", done.stdout)  # 64 KiB of lines with 7 characters


def test_stderr_is_itself_again_afterwards() -> None:
    done = run(KEEP.format("", "pass").split("print")[0] + "os.write(2, b'after')")
    assert done.stderr == "after"


def test_a_process_left_behind_does_not_hold_the_job() -> None:
    """It has the pipe open still."""
    done = run(KEEP.format("", "subprocess.Popen('echo begun >&2; sleep 20', shell=True, stdout=subprocess.DEVNULL)"))
    assert done.stdout == "1 'begun'\n"


def test_signal_before_there_is_a_process_is_passed_on_once() -> None:
    """It comes while the process is being started."""
    program = """
        import os, signal, subprocess, sys
        from pathlib import Path
        from container.contract import user_process

        class Early(subprocess.Popen):
            def __init__(self, *args, **kwargs):
                os.kill(os.getpid(), signal.SIGTERM)
                super().__init__(*args, **kwargs)
                self.wait_until_it_handles()

            def wait_until_it_handles(self):
                self.stdout.readline()

        subprocess.Popen = lambda *args, **kwargs: Early(*args, **kwargs, stdout=subprocess.PIPE, text=True)
        child = "import signal, time; got = []; signal.signal(15, lambda n, f: got.append(n)); print(flush=True);" \\
            "time.sleep(1); raise SystemExit(len(got))"
        print(user_process.run([sys.executable, "-c", child], Path("."), shell=False))
    """
    assert run(textwrap.dedent(program)).stdout == "Ended(code=1, stopped=True)\n"
