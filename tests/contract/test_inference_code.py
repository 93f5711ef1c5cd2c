"""`serve` with inference code of the user's own, as real processes."""

import io
import json
import os
import shutil
import signal
import tarfile
import threading
import time
from pathlib import Path

import boto3
import pytest
import xgboost

from tests.contract.test_serve import wait_for
from tests.support.aws import moto_server
from tests.support.serving import MODELS, Served, serving, started

SCRIPTS = Path(__file__).parent / "inference_code"
CONTRIBUTIONS = (SCRIPTS / "contributions.py").read_bytes()
MODEL = (MODELS / "approval.ubj").read_bytes()


def beside(script: bytes, **files: bytes) -> dict[str, bytes]:
    return {"code/inference.py": script, **files}


def settings(folder: Path, **more: str) -> dict[str, str]:
    """As the SDKs set them, but for the place of /opt/ml."""
    return {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": str(folder / "model/code"), **more}


def refused(folder: Path, script: bytes, **files: bytes) -> str:
    """What `serve` says, which must end by itself with an exit code that tells of an error."""
    (folder / "model/code").mkdir(parents=True)
    shutil.copy(MODELS / "approval.ubj", folder / "model/xgboost-model")
    for name, data in {"inference.py": script, **files}.items():
        (folder / "model/code" / name).write_bytes(data)
    with started(folder, folder.parent / "log", **settings(folder)) as process:
        assert process.wait(60) not in (0, -signal.SIGKILL)
    return (folder.parent / "log").read_text()


def error(served: Served, body: bytes, content_type: str = "text/csv") -> str:
    reply = served.predict(body, content_type)
    assert reply.status == 500
    assert b"\n" not in reply.body
    return str(json.loads(reply.body)["error"])


def test_a_script_for_aws_s_image(tmp_path: Path) -> None:
    """A booster of four threads among it, in a process that was forked."""
    folder = tmp_path / "ml"
    with serving(
        folder, beside=beside(CONTRIBUTIONS, **{"model.ubj": MODEL}), **settings(folder, OMP_NUM_THREADS="4")
    ) as server:
        for _ in range(8):
            csv = server.predict(b"100,3\n190,7\n", Accept="text/csv")
            assert csv.headers["Content-Type"] == "text/csv"
            first, *contributions = map(float, csv.body.split(b"\n")[0].split(b","))
            assert first == pytest.approx(0.45347622)
            assert 1 / (1 + 2.718281828459045 ** -sum(contributions)) == pytest.approx(first)
        reply = server.predict(b"0:100 1:3", "text/libsvm")
        assert json.loads(reply.body) == {"output": [pytest.approx(0.45347622)]}
        assert (reply.headers["Content-Type"], reply.headers["X-Rows"]) == ("application/json", "1")
        assert error(server, b"{}", "application/json") == (
            "input_fn of inference.py failed: ValueError: Content type application/json is not supported."
        )
        wait_for(lambda: server.log.read_text().count(f"loaded in {folder / 'model'}") == 2)  # once in each worker
        log = server.log.read_text()
        assert "Traceback (most recent call last)" in log
        assert 'raise ValueError(f"Content type' in log
        assert server.request("GET", "/ping").status == 200
        assert server.stop() == 0


def test_a_script_without_hooks_changes_no_byte(tmp_path: Path) -> None:
    requests = [
        (b"100,3\n190,7\n", "text/csv", {}),
        (b"area,rooms\n100,3\n", "text/csv", {"Accept": "application/json"}),
        (b'[{"area": 100, "rooms": 3}]', "application/json", {}),
        (b"100", "text/csv", {}),
        (b"100,3", "text/csv", {"X-Amzn-SageMaker-Custom-Attributes": "output=probability"}),
    ]
    code = tmp_path / "scripted"
    with (
        serving(tmp_path / "plain", "approval") as plain,
        serving(code, "approval", beside(b"import os\n\nLIMIT = 3\n"), **settings(code)) as scripted,
    ):
        for body, content_type, headers in requests:
            expected, reply = (server.predict(body, content_type, **headers) for server in (plain, scripted))
            assert (reply.status, reply.body) == (expected.status, expected.body)
            assert {**reply.headers, "Date": ""} == {**expected.headers, "Date": ""}
        assert "inference.py: no hooks, so that this image answers as without it" in scripted.log.read_text()


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (b"import os\n\ndef input_fn(:\n", "inference.py is not valid Python: invalid syntax (inference.py line 3)"),
        (
            b"import os\nimport no_such_module\n",
            "inference.py cannot be imported: ModuleNotFoundError: No module named 'no_such_module' "
            "(inference.py line 2)",
        ),
        (
            b"def model_fn(model_dir):\n    return open(model_dir + '/lost.pkl')\n",
            "model_fn of inference.py failed: FileNotFoundError: [Errno 2] No such file or directory: ",
        ),
        (b"import sys\nsys.exit(0)\n", "inference.py cannot be imported: SystemExit: 0 (inference.py line 2)"),
        (b"def predict_fn(data):\n    return 1\n", "predict_fn of inference.py cannot be called: "),
        (
            b"def transform_fn(a, b, c, d): ...\ndef input_fn(a, b): ...\n",
            "inference.py has transform_fn, which does the work of input_fn too; keep one way",
        ),
        (b"def model_fn(model_dir):\n    return 7\n", "model_fn of inference.py returned a int, which has no predict"),
    ],
)
def test_what_is_wrong_with_a_script_ends_the_server(tmp_path: Path, script: bytes, message: str) -> None:
    log = refused(tmp_path / "ml", script)
    assert f"ERROR: {message}" in log
    if b"lost.pkl" in script:
        assert "/lost.pkl' (inference.py line 2)\n" in log


def test_a_model_s_absence_matters_only_without_model_fn(tmp_path: Path) -> None:
    folder = tmp_path / "ml"
    script = b"def model_fn(d):\n    return {'bias': 2}\ndef predict_fn(data, model):\n    return [model['bias']]\n"
    with serving(folder, beside=beside(script), **settings(folder)) as server:
        assert server.predict(b"1,2", Accept="application/json").body == b"[2]"
    (tmp_path / "none/model/code").mkdir(parents=True)
    (tmp_path / "none/model/code/inference.py").write_bytes(b"def input_fn(body, content_type):\n    return body\n")
    with started(tmp_path / "none", tmp_path / "log", **settings(tmp_path / "none")) as process:
        assert process.wait(60) != 0
    assert f"ERROR: there is no model file {tmp_path / 'none/model/xgboost-model'}" in (tmp_path / "log").read_text()


def test_a_model_that_loads_for_longer_than_a_worker_may_be_silent(tmp_path: Path) -> None:
    folder = tmp_path / "ml"
    script = (
        b"import time\ndef model_fn(d):\n    time.sleep(6)\n    return 1\n"
        b"def predict_fn(data, model):\n    return [1]\n"
    )
    slow = settings(folder, SAGEMAKER_MODEL_SERVER_TIMEOUT="2", SAGEMAKER_MODEL_SERVER_WORKERS="1")
    began = time.monotonic()
    with serving(folder, beside=beside(script), **slow) as server:
        assert time.monotonic() - began > 6  # no 200 before the model is there
        assert server.predict(b"1").status == 200
        assert "TIMEOUT" not in server.log.read_text()


def test_hooks_are_called_one_at_a_time_and_ping_is_answered_meanwhile(tmp_path: Path) -> None:
    folder = tmp_path / "ml"
    script = (
        b"import time\ninside = 0\ndef transform_fn(model, body, content_type, accept):\n    global inside\n"
        b"    inside += 1\n    time.sleep(1)\n    most = inside\n    inside -= 1\n"
        b"    return str(most), 'text/plain'\n"
    )
    one = settings(folder, SAGEMAKER_MODEL_SERVER_WORKERS="1")
    with serving(folder, "approval", beside(script), **one) as server:
        bodies: list[bytes] = []
        threads = [threading.Thread(target=lambda: bodies.append(server.predict(b"1,2").body)) for _ in range(2)]
        for thread in threads:
            thread.start()
        time.sleep(0.2)
        began = time.monotonic()
        assert server.request("GET", "/ping").status == 200
        assert time.monotonic() - began < 0.7
        for thread in threads:
            thread.join()
        assert bodies == [b"1"] * 2


def test_a_worker_that_dies_is_replaced_with_the_script_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "ml"
    script = b"import os\ndef output_fn(prediction, accept):\n    return str(os.getpid()), 'text/plain'\n"
    one = settings(folder, SAGEMAKER_MODEL_SERVER_WORKERS="1")
    with serving(folder, "approval", beside(script), **one) as server:
        first = server.predict(b"100,3").body
        os.kill(int(first), signal.SIGKILL)
        second = server.predict(b"100,3").body
        assert second != first
        assert int(second) in server.workers()


def test_code_from_s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        files = {
            "answer.py": b"from helper import ANSWER\n\ndef output_fn(p, a):\n    return ANSWER, 'text/plain'\n",
            "helper.py": b"ANSWER = 'from the archive'\n",
        }
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    with moto_server(tmp_path) as url:
        s3 = boto3.client("s3", endpoint_url=url)
        s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_object(Bucket="code", Key="job/sourcedir.tar.gz", Body=archive.getvalue())
        variables = {"SAGEMAKER_PROGRAM": "answer.py", "AWS_ENDPOINT_URL": url}
        source = "s3://code/job/sourcedir.tar.gz"
        with serving(tmp_path / "ml", "approval", **variables, SAGEMAKER_SUBMIT_DIRECTORY=source) as server:
            assert server.predict(b"100,3").body == b"from the archive"
        lost = {**variables, "SAGEMAKER_SUBMIT_DIRECTORY": "s3://code/lost.tar.gz"}
        (tmp_path / "other").mkdir()
        with started(tmp_path / "other", tmp_path / "log", **lost) as process:
            assert process.wait(60) == 1
    said = "ERROR: SAGEMAKER_SUBMIT_DIRECTORY: the code cannot be fetched from s3://code/lost.tar.gz: An error occurred"
    assert (tmp_path / "log").read_text().startswith(said)


def test_code_that_nothing_asks_for_is_not_run(tmp_path: Path) -> None:
    """AWS's XGBoost image passes over it too."""
    with serving(tmp_path / "ml", "approval", beside(b"raise SystemExit('run')\n")) as server:
        assert server.predict(b"100,3").status == 200
        script = tmp_path / "ml/model/code/inference.py"
        assert server.log.read_text().startswith(
            f"{script} is not run, for nothing asks for it; set SAGEMAKER_PROGRAM=inference.py to\n"
        )


def test_what_needs_no_installation_is_not_installed_and_what_cannot_be_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "ml"
    files = {**beside(b"import numpy\n"), "code/requirements.txt": b"numpy\n"}
    with serving(folder, "approval", files, **settings(folder), PIP_NO_INDEX="1") as server:
        assert server.predict(b"100,3").status == 200
        assert f"installing {folder / 'model/code/requirements.txt'}\n" in server.log.read_text()
    log = refused(tmp_path / "lost" / "ml", b"", **{"requirements.txt": b"--no-index\nno-such-package-as-this\n"})
    assert log.splitlines()[-1] == (
        "ERROR: pip: No matching distribution found for no-such-package-as-this (requirements.txt of the inference "
        "code); ask for what the endpoint's network can reach, or put wheels beside it"
    )


def test_without_a_network_pip_s_failure_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_RETRIES", "1")
    requirements = b"--index-url http://127.0.0.1:9/simple\nno-such-package-as-this\n"
    log = refused(tmp_path / "ml", b"", **{"requirements.txt": requirements})
    assert "(requirements.txt of the inference code; no package index can be reached)" in log.splitlines()[-1]


def test_the_model_is_read_as_xgboost_wrote_it(tmp_path: Path) -> None:
    """A script may find our schema in the model, and the defaults read by its names."""
    folder = tmp_path / "ml"
    script = b"import xgboost\ndef model_fn(d):\n    return xgboost.Booster(model_file=d + '/model.ubj')\n"
    with serving(folder, beside=beside(script, **{"model.ubj": MODEL}), **settings(folder)) as server:
        reply = server.predict(b"rooms,area\n3,100\n7,190\n", Accept="text/csv")
        booster = xgboost.Booster({"nthread": 1}, model_file=str(MODELS / "approval.ubj"))
        expected = booster.inplace_predict([[100.0, 3.0], [190.0, 7.0]])
        assert reply.body.split() == [str(score).encode() for score in expected]
        assert server.predict(b"rooms,area\n3,many\n").status == 400
