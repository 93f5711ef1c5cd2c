"""The programs `train` and `serve`: arguments, of which they take none, and signals before anything is there."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from container.contract import command
from container.contract.paths import OptMl

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("program", ["train", "serve"])
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_is_printed_and_nothing_else_done(tmp_path, program, option):
    environment = {**os.environ, "SAGEMAKER_BASE_DIR": str(tmp_path)}
    command = [sys.executable, str(ROOT / program), option]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: {program}\n")
    assert str(tmp_path / "model") in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_what_the_help_names_is_there(caplog):
    caplog.set_level("INFO")
    for program in ("train", "serve"):
        assert command.helps(program, ["--help"], OptMl())
        page = caplog.messages[-1].split()[-1].rstrip(".")
        assert (ROOT / page).is_file()


@pytest.mark.parametrize(
    ("program", "instead"),
    [
        ("train", "hyperparameters are read from /opt/ml/input/config/hyperparameters.json"),
        ("serve", "settings are environment variables"),
    ],
)
def test_other_arguments_are_named(caplog, program, instead):
    assert not command.helps(program, ["--num_round", "3"], OptMl())
    assert caplog.messages == [f"{program} takes no arguments, and ignores --num_round 3; {instead}"]


def test_without_arguments_nothing_is_said(caplog):
    assert not command.helps("train", [], OptMl())
    assert caplog.messages == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(("program", "package", "code"), [("train", "training", 143), ("serve", "serving", 0)])
def test_a_signal_during_the_imports_ends_it_without_a_traceback(tmp_path, program, package, code, number):
    shutil.copy(ROOT / program, tmp_path)
    slow = tmp_path / "container" / package / "main.py"
    slow.parent.mkdir(parents=True)
    slow.write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    command = [sys.executable, tmp_path / program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "importing\n"
        process.send_signal(number)
        assert process.wait(30) == code
        assert process.stderr.read() == ""
