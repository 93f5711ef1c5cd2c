"""The requests that README.md shows, sent to a model of the house sales: the replies are those it shows."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import free_port, running

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
(CONSOLE,) = re.findall(r"^```console\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
SHOWN = [shown.partition("\n")[::2] for shown in re.split(r"^\$ ", CONSOLE, flags=re.MULTILINE)[1:]]
NUMBER = re.compile(r"\d+\.\d+")


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address that serves a model of the house sales, and the folder that it was trained in."""
    folder, port = tmp_path_factory.mktemp("ml"), free_port()
    subprocess.run([ROOT / "local_test/seed.sh", folder], check=True)
    variables = [f"SAGEMAKER_BASE_DIR={folder}", f"SAGEMAKER_BIND_TO_PORT={port}"]
    train, serve = (["env", *variables, sys.executable, str(ROOT / program)] for program in ("train", "serve"))
    subprocess.run(train, check=True, stdout=subprocess.DEVNULL, timeout=300)
    address = f"http://127.0.0.1:{port}"
    with running(serve, url=f"{address}/ping", log=folder / "serve.log", seconds=60):
        yield address, folder


@pytest.mark.parametrize(("command", "reply"), SHOWN)
def test_the_reply_is_the_one_shown(endpoint: tuple[str, Path], command: str, reply: str) -> None:
    address, folder = endpoint
    command = command.replace("http://127.0.0.1:8080", address).replace("local_test/work/ames", str(folder))
    done = subprocess.run([*shlex.split(command), "--silent"], text=True, capture_output=True, check=True)
    # The prices to a cent would be those of one processor.
    assert NUMBER.sub("N", done.stdout.strip()) == NUMBER.sub("N", reply.strip())
    got, shown = ([float(text) for text in NUMBER.findall(body)] for body in (done.stdout, reply))
    assert got == pytest.approx(shown, rel=0.02)
