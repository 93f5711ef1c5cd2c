"""local_test/'s scripts with the built image, run by a user who is not root."""

import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import IMAGE
from tests.image.conftest import docker
from tests.support.processes import free_port

ROOT = Path(__file__).parents[2]
SOCKET = Path("/var/run/docker.sock")
OTHER_USER = 12345


@dataclass
class Scripts:
    """The scripts in a checkout, run as its owner."""

    checkout: Path

    @property
    def uid(self) -> int:
        return self.checkout.stat().st_uid

    @property
    def work(self) -> Path:
        return self.checkout / "local_test/work/ames"

    def start(self, script: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """The script, started in a session of its own, as a terminal does."""
        other = {"user": self.uid, "group": self.uid, "extra_groups": [SOCKET.stat().st_gid]}
        return subprocess.Popen(
            [self.checkout / "local_test" / script, *arguments],
            cwd="/",
            env={**os.environ, "HOME": str(self.checkout), "IMAGE": IMAGE, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # Where pytest runs in the background it has SIGINT ignored, and so would the script.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            **(other if os.getuid() == 0 else {}),  # type: ignore[arg-type]
        )

    def run(self, script: str, *arguments: str, code: int = 0, **environment: str) -> str:
        """Both streams of a script that ends with this exit code."""
        process = self.start(script, *arguments, **environment)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == code, output
        self.assert_nothing_is_left()
        return output

    def hyperparameters(self, **values: object) -> None:
        (self.work / "input/config/hyperparameters.json").write_text(json.dumps({"target": "price", **values}))

    def assert_nothing_is_left(self) -> None:
        """No container that mounts the checkout, and no file of another user's."""
        assert str(self.checkout) not in docker("ps", "--all", "--no-trunc", "--format", "{{.Names}} {{.Mounts}}")
        owners = {path.stat().st_uid for path in self.checkout.rglob("*")}
        assert owners == {self.uid}


@pytest.fixture
def scripts() -> Iterator[Scripts]:
    """A checkout that its own user owns, in a folder that Docker can see."""
    checkout = Path(tempfile.mkdtemp(prefix="local_test."))
    ignore = shutil.ignore_patterns("work", "__pycache__")
    for folder in ("local_test", "container"):
        shutil.copytree(ROOT / folder, checkout / folder, ignore=ignore)
    (checkout / "tests/data").mkdir(parents=True)
    shutil.copy(ROOT / "tests/data/ames.csv", checkout / "tests/data")
    if os.getuid() == 0:
        for path in (checkout, *checkout.rglob("*")):
            os.chown(path, OTHER_USER, OTHER_USER)
    yield Scripts(checkout)
    shutil.rmtree(checkout)


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """The output up to the line that holds the text."""
    assert process.stdout is not None
    output = ""
    while text not in output:
        line = process.stdout.readline()
        assert line, output
        output += line
    return output


def said_so_far(process: subprocess.Popen[str]) -> str:
    """What the program has printed, and nobody has read, until now."""
    assert process.stdout is not None
    descriptor, printed = process.stdout.fileno(), b""
    while select.select([descriptor], [], [], 0)[0] and (piece := os.read(descriptor, 1 << 16)):
        printed += piece
    return printed.decode()


def interrupt(process: subprocess.Popen[str]) -> str:
    """Ctrl-C, where the program has not ended yet, then the rest of the output."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    return process.communicate(timeout=60)[0]


def test_train_serve_predict(scripts: Scripts) -> None:
    """Each script says what to type next, and that works."""
    here, port = f"{scripts.checkout}/local_test", str(free_port())
    assert f"run: {here}/train_local.sh" in scripts.run("serve_local.sh", code=1)
    assert f"run: {here}/train_local.sh" in scripts.run("predict.sh", code=1)
    assert scripts.run("train_local.sh").endswith(f"\nNext: {here}/serve_local.sh\n")

    server = scripts.start("serve_local.sh", "--port", port)
    assert f"Next, in another terminal: {here}/predict.sh --port {port}\n" in read_until(server, "Next")
    assert f"port {port} is taken; choose another: " in _fails(scripts, "serve_local.sh", "--port", port)
    asked = _output(scripts, "predict.sh", "--port", port)
    predicted, actual = (
        re.findall(r"^\d{5,6}(?:\.\d+)?$", part, re.M) for part in asked.split("These houses sold for:")
    )
    assert len(predicted) == len(actual) == 3
    assert all(abs(float(p) / float(a) - 1) < 0.25 for p, a in zip(predicted, actual, strict=True))
    assert '{"predictions":[{"score":' in _output(scripts, "predict.sh", "--port", port, "--accept", "application/json")
    wrong = scripts.checkout / "wrong.csv"
    wrong.write_text("1,2\n")
    os.chown(wrong, scripts.uid, scripts.uid)
    refused = _fails(scripts, "predict.sh", "--port", port, str(wrong))
    assert '{"error":"expected 79 or 81 values per row, got 2' in refused
    assert "the request was refused" in refused

    assert "stopped" in interrupt(server)
    assert server.returncode == 0
    scripts.assert_nothing_is_left()


def _output(scripts: Scripts, script: str, *arguments: str) -> str:
    process = scripts.start(script, *arguments)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 0, output
    return output


def _fails(scripts: Scripts, script: str, *arguments: str) -> str:
    process = scripts.start(script, *arguments)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 1, output
    return output


def test_a_failed_job_shows_the_reason(scripts: Scripts) -> None:
    _output(scripts, "seed.sh")
    scripts.hyperparameters(eta=2)
    output = scripts.run("train_local.sh", code=1)
    reason = (scripts.work / "output/failure").read_text()
    assert "'eta': must be at most 1, got '2'" in reason
    assert f"What SageMaker would show as FailureReason:\n{reason}\n" in output
    assert output.endswith("train_local.sh: the job ended with exit code 1\n")


def test_ctrl_c_saves_the_rounds_done(scripts: Scripts) -> None:
    _output(scripts, "seed.sh")
    scripts.hyperparameters(num_round=100_000)
    job = scripts.start("train_local.sh")
    read_until(job, "[3]\ttrain-rmse")
    output = interrupt(job)
    assert job.returncode == 0, output
    assert "Stopping after this round" in output
    assert (scripts.work / "model/xgboost-model").stat().st_size > 1000
    scripts.assert_nothing_is_left()


@pytest.mark.parametrize("seconds", [0, 0.1, 0.3, 1])
def test_ctrl_c_at_any_time_leaves_no_container(scripts: Scripts, seconds: float) -> None:
    _output(scripts, "seed.sh")
    job = scripts.start("train_local.sh")
    time.sleep(seconds)
    interrupt(job)
    scripts.assert_nothing_is_left()


def test_dev_runs_the_checkout(scripts: Scripts) -> None:
    main = scripts.checkout / "container/training/main.py"
    main.write_text(main.read_text() + "\nraise SystemExit('as it is now')\n")
    assert "as it is now" in scripts.run("train_local.sh", "--dev", code=1)


def test_a_model_that_cannot_be_served(scripts: Scripts) -> None:
    _output(scripts, "seed.sh")
    model = scripts.work / "model/xgboost-model"
    model.parent.mkdir()
    model.write_text("no model")
    for path in (model, model.parent):
        os.chown(path, scripts.uid, scripts.uid)
    output = scripts.run("serve_local.sh", "--port", str(free_port()), code=1)
    assert "ERROR: the model file /opt/ml/model/xgboost-model " in output
    assert output.endswith("the container ended by itself, with exit code 1; its last lines are above\n")


@pytest.mark.parametrize("script", ["train_local.sh", "serve_local.sh"])
def test_what_is_missing_is_said(scripts: Scripts, script: str) -> None:
    message = scripts.run(script, code=1, DOCKER_HOST="unix:///nowhere/docker.sock")
    assert message.startswith(f"{script}: no Docker daemon answers; start it")
    message = scripts.run(script, "--image", "no-such-image", code=1)
    assert message.startswith(
        f"{script}: the image no-such-image is not built; run: make -C {scripts.checkout} image-cpu"
    )


def test_demo_in_the_image(scripts: Scripts) -> None:
    output = scripts.run("demo.sh")
    assert f"in the image {IMAGE}\n" in output
    found = re.search(r"all \d+ houses: RMSE ([\d,]+) dollars", output)
    assert found, output
    assert float(found[1].replace(",", "")) < 27_000
    assert list((scripts.checkout / "local_test/work").iterdir()) == []


@pytest.mark.parametrize("moment", ["Training on", "Serving on"])
def test_an_interrupted_demo_leaves_nothing(scripts: Scripts, moment: str) -> None:
    demo = scripts.start("demo.sh")
    read_until(demo, moment)
    time.sleep(0.5)
    output = interrupt(demo)
    assert demo.returncode == 128 + signal.SIGINT, output
    assert list((scripts.checkout / "local_test/work").iterdir()) == []
    scripts.assert_nothing_is_left()


@pytest.fixture
def trained(scripts: Scripts) -> Scripts:
    """The scripts, with a small model of the house sales."""
    _output(scripts, "seed.sh")
    scripts.hyperparameters(num_round=5, max_depth=3, nthread=1)
    scripts.run("train_local.sh")
    return scripts


def test_batch_transform(trained: Scripts) -> None:
    predictions = trained.work / "held_out/without_header.csv.out"
    assert "624 rows in 1 requests gave 624 predictions" in trained.run("batch_local.sh")
    whole = predictions.read_bytes()
    assert all(float(line) > 0 for line in whole.splitlines())
    output = trained.run("batch_local.sh", "--max-payload", "0.05")
    assert "624 rows in 4 requests gave 624 predictions" in output
    assert predictions.read_bytes() == whole
    assert {path.name for path in predictions.parent.iterdir()} >= {"rows.csv", "without_header.csv"}
    assert not [path for path in predictions.parent.iterdir() if path.is_dir()]

    with_header = trained.work / "held_out/rows.csv"
    assert "625 lines gave 624 predictions; a header is no row" in trained.run(
        "batch_local.sh", str(with_header), code=1
    )


def test_a_multi_model_endpoint(trained: Scripts) -> None:
    output = trained.run("multi_model_local.sh")
    steps = re.findall(r"^(?:GET|POST|DELETE) .*", output, re.M)
    assert len(steps) == 8
    assert re.findall(r"^GET /models\n  (.*)", output, re.M)[1] == '{"models":[]}'
    asked = re.findall(r"^POST /models/(?:first|second)/invoke\n((?:  [\d.]+\n){3})", output, re.M)
    assert len(asked) == 2
    assert asked[0] == asked[1]


def test_an_endpoint_under_load(trained: Scripts) -> None:
    output = trained.run("load_local.sh", "--requests", "200", "--clients", "4", "--", "--cpus", "1")
    assert "200 requests from 4 clients, 4 lines each" in output
    assert re.search(r"^\d+ requests/s, p50 [\d.]+ ms, p99 [\d.]+ ms, 0 errors$", output, re.M)
    wrong = trained.checkout / "wrong.csv"
    wrong.write_text("1,2\n")
    os.chown(wrong, trained.uid, trained.uid)
    output = trained.run("load_local.sh", "--requests", "20", "--rows", str(wrong), code=1)
    assert '  20 times: 400 {"error":"expected 81 values per row, got 2' in output


def test_a_cluster_of_two_hosts(scripts: Scripts) -> None:
    output = scripts.run("cluster_local.sh")
    cluster = scripts.checkout / "local_test/work/cluster"
    assert output.endswith(f"\nNext: {scripts.checkout}/local_test/serve_local.sh {cluster}/algo-1\n")
    rows = [(cluster / host / "input/data/train/rows.csv").read_text().splitlines() for host in ("algo-1", "algo-2")]
    assert [len(part) - 1 for part in rows] == [1153, 1153]
    assert not set(rows[0][1:]) & set(rows[1][1:])
    assert (cluster / "algo-1/model/xgboost-model").stat().st_size > 1000
    assert not list((cluster / "algo-2/model").iterdir())
    assert "xgboost-cluster" not in docker("network", "ls")


def test_a_spot_interruption(scripts: Scripts) -> None:
    output = scripts.run("spot_local.sh")
    assert re.search(r"^Resuming after the \d+ rounds of the newest checkpoint$", output, re.M), output
    assert "The model is the same as without a break, bit by bit.\n" in output


@pytest.mark.parametrize("script", ["batch", "multi_model", "load", "cluster", "spot"])
def test_an_interrupted_job_leaves_nothing(trained: Scripts, script: str) -> None:
    for seconds in (0.3, 1, 2.5):
        job = trained.start(f"{script}_local.sh")
        time.sleep(seconds)
        os.killpg(job.pid, signal.SIGSTOP)  # so that it says nothing between the reading and the interrupt
        before = said_so_far(job)
        os.killpg(job.pid, signal.SIGINT)
        os.killpg(job.pid, signal.SIGCONT)
        after, _ = job.communicate(timeout=60)
        # Before a script has set its trap, the signal itself ends it; once its work is done it only tidies up.
        done = job.returncode == 0 and after == ""
        assert job.returncode in (128 + signal.SIGINT, -signal.SIGINT) or done, before + "^C\n" + after
        trained.assert_nothing_is_left()
        assert "xgboost-cluster" not in docker("network", "ls")
