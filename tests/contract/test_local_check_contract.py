"""The contract check's command line where it cannot check, and what it says then."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from contract_check.cli import RULES

NAMES = [rule.name for rule in RULES]
LOCAL_TEST = Path(__file__).parents[2] / "local_test"


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, LOCAL_TEST / "contract_check", *arguments],
        text=True,
        capture_output=True,
        timeout=60,
        env={**os.environ, **environment},
    )


@pytest.fixture
def docker(tmp_path: Path) -> str:
    """A PATH with a client that knows no image."""
    client = tmp_path / "bin/docker"
    client.parent.mkdir()
    client.write_text('#!/bin/sh\ncase "$1" in image) echo "Error: No such image: $3" >&2; exit 1 ;; esac\n')
    client.chmod(0o755)
    return f"{client.parent}:{os.environ['PATH']}"


def test_the_list_has_every_rule_with_its_source_and_remedy() -> None:
    done = run("--list")
    assert done.returncode == 0
    blocks = [block.splitlines() for block in done.stdout.strip().split("\n\n")]
    assert [lines[0] for lines in blocks] == NAMES
    for lines in blocks:
        assert [line.split()[0] for line in lines[1:]] == ["says:", "source:", "remedy:"]
        assert all(len(line.split()) > 1 for line in lines[1:])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param([], "name an image; see --help", id="nothing"),
        pytest.param(["i", "--only", "trian"], "there is no rule 'trian'; --list shows them", id="rule"),
        pytest.param(["i", "--hyperparameters", "missing.json"], "No such file", id="file"),
        pytest.param(["i", "--hyperparameters", "list.json"], "a JSON object was expected", id="content"),
        pytest.param(["i", "--train-data", "data"], "needs a request of its own: --request FILE", id="request"),
        pytest.param(["i"], "docker: Error: No such image: i", id="image"),
    ],
)
def test_what_keeps_it_from_checking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, docker: str, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.json").write_text(json.dumps([1]))
    (tmp_path / "data").mkdir()
    done = run(*arguments, PATH=docker)
    assert done.returncode == 2
    assert done.stderr.startswith("contract_check: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_docker(tmp_path: Path) -> None:
    done = run("i", PATH=str(tmp_path))
    assert (done.returncode, done.stderr.startswith("contract_check: Docker is not installed")) == (2, True)


def test_the_script_beside_it(docker: str, tmp_path: Path) -> None:
    script = LOCAL_TEST / "check_contract.sh"
    done = subprocess.run([script, "--help"], text=True, capture_output=True)
    assert (done.returncode, "usage: check_contract.sh [IMAGE]" in done.stdout) == (0, True)
    done = subprocess.run([script, "--list"], text=True, capture_output=True)
    assert (done.returncode, done.stdout.startswith("image-architecture\n")) == (0, True)
    done = subprocess.run([script, "other"], text=True, capture_output=True, env={**os.environ, "PATH": docker})
    assert (done.returncode, "the image other is not built" in done.stderr) == (2, True)

    for tool in ("bash", "dirname", "env"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    done = subprocess.run([script, "--list"], text=True, capture_output=True, env={"PATH": str(tmp_path)})
    assert (done.returncode, "Python is missing" in done.stderr) == (2, True)
