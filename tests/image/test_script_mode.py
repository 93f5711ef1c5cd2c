"""Script mode where only the image shows it: pip, process 1, isolation, several hosts, and the model served."""

import json
import signal
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.conftest import IMAGE
from tests.contract.script_job import ScriptJob
from tests.image.conftest import DATA, Container, OptMl, docker

PROGRAMS = Path(__file__).parents[1] / "contract/script_mode"
WHEEL = "thing-1.0-py3-none-any.whl"


def put_code(opt_ml: OptMl, **files: str) -> None:
    """Put files into the code folder; `train_py` is train.py."""
    for name, content in files.items():
        path = opt_ml.root / "code" / name.replace("_", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)


def wheel(path: Path) -> None:
    """A wheel of one module, `thing`, that says what it is."""
    about = "thing-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("thing.py", "NAME = 'a thing'\n")
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
        archive.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{about}/RECORD", "")


def test_requirements_are_installed_beside_xgboost(
    opt_ml: OptMl, start: Callable[..., Container], tmp_path: Path
) -> None:
    """With no network at all, as in isolation: the code comes in a channel, and a wheel with it."""
    source = tmp_path / "source"
    source.mkdir()
    wheel(source / WHEEL)
    (source / "requirements.txt").write_text(f"./{WHEEL}\n")
    (source / "train.py").write_text("import thing, xgboost\nprint(thing.NAME, 'and', xgboost.__name__)\n")
    opt_ml.job({"sagemaker_program": "train.py"}, code="application/x-tar")
    (opt_ml.root / "input/data/code").mkdir()
    with tarfile.open(opt_ml.root / "input/data/code/sourcedir.tar.gz", "w:gz") as archive:
        archive.add(source, ".")
    job = start("train", "--network", "none")

    assert job.wait() == 0, job.logs()
    assert "a thing and xgboost\n" in job.logs()


@pytest.mark.parametrize(
    ("requirement", "says"),
    [
        pytest.param("nowhere==1.0", "pip: No matching distribution found for nowhere==1.0 ", id="absent"),
        pytest.param("no such", "pip: Invalid requirement: 'no such': ", id="malformed"),
    ],
)
def test_requirement_that_cannot_be_installed_is_named(
    opt_ml: OptMl, start: Callable[..., Container], requirement: str, says: str
) -> None:
    opt_ml.job({"sagemaker_program": "train.py"})
    put_code(opt_ml, train_py="", requirements_txt=f"--no-index\n{requirement}\n")
    job = start("train")

    assert job.wait() == 1
    assert opt_ml.failure.read_text().startswith(says)
    assert "(requirements.txt or setup.py of the source code); ask for what" in opt_ml.failure.read_text()


def test_stop_reaches_the_program_below_a_shell(opt_ml: OptMl, start: Callable[..., Container]) -> None:
    """A shell passes no signal on and dies of it at once; the job must wait for the program that is saving."""
    opt_ml.job({"sagemaker_program": "train.sh"})
    put_code(
        opt_ml,
        train_sh="#!/bin/bash\npython3 train.py\necho not reached\n",
        train_py="""
import os, signal, sys, time
def stop(number, frame):
    time.sleep(1)
    open(os.environ["SM_MODEL_DIR"] + "/saved", "w").close()
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("ready")
time.sleep(60)
""",
    )
    job = start("train")
    job.wait_for(lambda: "ready\n" in job.logs())

    docker("stop", "--time", "30", job.name)

    assert job.wait() == 0, job.logs()
    assert (opt_ml.root / "model/saved").exists()
    assert not opt_ml.failure.exists()


def test_stop_while_pip_installs_ends_the_job(opt_ml: OptMl, start: Callable[..., Container]) -> None:
    opt_ml.job({"sagemaker_program": "train.py"})
    put_code(opt_ml, train_py="", requirements_txt="--index-url http://127.0.0.1:9/\nnowhere\n")
    job = start("train", "--env", "PIP_RETRIES=50")
    job.wait_for(lambda: "Retrying" in job.logs())

    docker("stop", "--time", "20", job.name)

    assert job.wait() == 128 + signal.SIGTERM, job.logs()


def test_model_of_a_program_is_served(opt_ml: OptMl, start: Callable[..., Container]) -> None:
    opt_ml.job(
        {"sagemaker_program": "train.py", "num_round": 20, "max_depth": 4, "eta": 0.3, "objective": "reg:squarederror"},
        train="text/libsvm",
        validation="text/libsvm",
    )
    for channel in ("train", "validation"):
        for file in (DATA / "abalone" / channel).iterdir():
            opt_ml.channel(channel, file.name, file.read_bytes())
    put_code(opt_ml, train_py=(PROGRAMS / "abalone_libsvm.py").read_text())
    job = start("train")
    assert job.wait() == 0, job.logs()

    endpoint = start("serve")
    endpoint.wait_for(endpoint.answers_ping)
    body = "\n".join((DATA / "abalone/validation/abalone.validation").read_text().splitlines()[:3])
    reply = requests.post(endpoint.url("/invocations"), body, headers={"Content-Type": "text/libsvm"}, timeout=10)
    assert reply.status_code == 200, reply.text
    assert all(3 < float(rings) < 25 for rings in reply.text.split())


@pytest.fixture
def network() -> Iterator[str]:
    """A private Docker network."""
    name = f"script-mode-{time.time_ns()}"
    docker("network", "create", name)
    yield name
    docker("network", "rm", name)


def test_program_starts_when_all_hosts_have_addresses(opt_ml: OptMl, network: str) -> None:
    """They come up at different times."""
    hosts = ["algo-1", "algo-2"]
    (opt_ml.root / "input/config/resourceconfig.json").write_text(
        json.dumps({"current_host": "algo-1", "hosts": hosts})
    )
    job = ScriptJob(opt_ml.root, IMAGE, docker_arguments=("--network", network, "--network-alias", "algo-1"))
    job.code({"train.py": "import socket\nprint('found', socket.gethostbyname('algo-2'))\n"})
    with job.start() as process:
        time.sleep(3)
        late = docker("run", "-d", "--network", network, "--network-alias", "algo-2", IMAGE, "sleep", "60")
        log, _ = process.communicate(timeout=60)
    address = docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", late)
    docker("rm", "-f", late)

    assert process.returncode == 0, log
    assert f"found {address}\n" in log


def test_base_dir_moves_the_tree_for_the_program_too(opt_ml: OptMl) -> None:
    job = ScriptJob(opt_ml.root, IMAGE, {"sagemaker_program": "train.py"}, {"SAGEMAKER_BASE_DIR": "/elsewhere"})
    job.docker_arguments = ("-v", f"{opt_ml.root}:/elsewhere")
    job.code({"train.py": "import os\nprint(os.getcwd(), os.environ['SM_MODEL_DIR'])\nraise SystemExit('the end')\n"})
    code, log = job.run()

    assert code == 1
    assert "/elsewhere/code /elsewhere/model\n" in log
    assert opt_ml.failure.read_text() == "the end (train.py ended with exit code 1)"


def test_the_c_library_asks_for_huge_pages(opt_ml: OptMl) -> None:
    job = ScriptJob(opt_ml.root, IMAGE, {"sagemaker_program": "train.py"})
    job.code({"train.py": "import os\nprint('said', os.environ['GLIBC_TUNABLES'])\n"})

    assert "said glibc.malloc.hugetlb=1\n" in job.run()[1]
