"""Script mode, as its users see it: by the image, and where sagemaker-training is installed, by a process here too."""

import importlib.util
import io
import json
import signal
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import boto3
import numpy as np
import pytest
import xgboost

from tests.conftest import IMAGE
from tests.contract.script_job import REPOSITORY, ScriptJob
from tests.support.aws import moto_server

PROGRAMS = Path(__file__).with_name("script_mode")
ABALONE = REPOSITORY / "tests/data/abalone"
RUNNERS = [pytest.param(IMAGE, marks=pytest.mark.docker, id="image")]
if importlib.util.find_spec("sagemaker_training"):
    RUNNERS.append(pytest.param(None, id="process"))


@pytest.fixture(params=RUNNERS)
def job(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ScriptJob]:
    root = tmp_path / "ml"
    root.mkdir()
    job = ScriptJob(root, request.param, {"sagemaker_program": "train.py"})
    yield job
    job.remove()


def archive(files: Mapping[str, str]) -> bytes:
    """The files as a sourcedir.tar.gz."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content.encode()))
    return stream.getvalue()


REPORT = """
import json, os, sys
from pathlib import Path

Path(os.environ["SM_MODEL_DIR"], "report.json").write_text(
    json.dumps({"arguments": sys.argv, "folder": os.getcwd(), "variables": dict(os.environ)})
)
"""


def report(job: ScriptJob) -> dict[str, object]:
    """What the program REPORT saw."""
    return json.loads((job.root / "model/report.json").read_text())


def test_program_gets_hyperparameters_as_arguments_and_variables(job):
    job.code({"train.py": REPORT}).channel("train", {"a.csv": "1,2\n"})
    code, log = job.run(
        sagemaker_program='"train.py"',
        sagemaker_job_name='"job-7"',
        _tuning_objective_metric="validation:rmse",
        eta="0.2",
        objective='"binary:logistic"',
        eval_metric='["auc", "error"]',
        verbose='"true"',
    )
    assert code == 0, log
    seen = report(job)
    assert seen["arguments"] == [
        "train.py",
        *("--eta", "0.2", "--eval_metric", "['auc', 'error']", "--objective", "binary:logistic", "--verbose", "true"),
    ]
    assert seen["folder"] == f"{job.base}/code"
    expected = {
        "SM_HP_ETA": "0.2",
        "SM_HP_OBJECTIVE": "binary:logistic",
        "SM_HP_EVAL_METRIC": '["auc","error"]',
        "SM_HPS": '{"eta":0.2,"eval_metric":["auc","error"],"objective":"binary:logistic","verbose":"true"}',
        "SM_CHANNELS": '["train"]',
        "SM_CHANNEL_TRAIN": f"{job.base}/input/data/train",
        "SM_MODEL_DIR": f"{job.base}/model",
        "SM_OUTPUT_DATA_DIR": f"{job.base}/output/data",
        "SM_HOSTS": '["algo-1"]',
        "SM_CURRENT_HOST": "algo-1",
        "SM_USER_ENTRY_POINT": "train.py",
    }
    assert {name: seen["variables"].get(name) for name in expected} == expected


@pytest.mark.parametrize("given", ["hyperparameter", "variable", "file"])
def test_program_is_named_by_hyperparameter_or_variable_or_is_train_py(job, given):
    name = "train.py" if given == "file" else "fit.py"
    job.code({name: REPORT, "inference.py": "raise SystemExit('not this one')"})
    job.hyperparameters = {"sagemaker_program": name} if given == "hyperparameter" else {}
    if given == "variable":
        job.environment["SAGEMAKER_PROGRAM"] = name
    code, log = job.run()
    assert code == 0, log
    assert report(job)["arguments"] == [name]


@pytest.mark.parametrize("place", ["submit directory", "channel", "folder"])
def test_code_comes_from_an_archive_or_a_folder(job, place):
    files = {
        "train.py": "from package.part import run\nrun()\n",
        "package/part.py": f"def run():\n    exec({REPORT!r})\n",
    }
    folder = job.root / "input/data/code"
    if place == "folder":
        job.channel("code", files)
    else:
        folder.mkdir(parents=True)
        (folder / "sourcedir.tar.gz").write_bytes(archive(files))
    source = {
        "submit directory": {"sagemaker_submit_directory": json.dumps(f"{job.base}/input/data/code/sourcedir.tar.gz")},
        "channel": {},
        "folder": {"sagemaker_submit_directory": f"{job.base}/input/data/code"},
    }
    code, log = job.run(**source[place])
    assert code == 0, log
    assert report(job)["folder"] == f"{job.base}/code"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that has a bucket with source code in it."""
    with moto_server(tmp_path_factory.mktemp("moto")) as url:
        client = boto3.client(
            "s3", endpoint_url=url, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        client.create_bucket(Bucket="source", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        client.put_object(Bucket="source", Key="job/sourcedir.tar.gz", Body=archive({"train.py": REPORT}))
        client.put_object(Bucket="source", Key="damaged.tar.gz", Body=archive({"train.py": REPORT})[:100])
        yield url


@pytest.fixture
def bucket(job: ScriptJob, s3: str) -> str:
    """The bucket's name; the job can reach it."""
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "eu-west-1"}
    job.environment |= {**keys, "AWS_ENDPOINT_URL": s3}
    job.docker_arguments = ("--network", "host")
    return "source"


def test_code_comes_from_s3(job, bucket):
    code, log = job.run(sagemaker_submit_directory=f"s3://{bucket}/job/sourcedir.tar.gz")
    assert code == 0, log
    assert report(job)["arguments"] == ["train.py"]


@pytest.mark.parametrize(
    ("key", "says"),
    [
        pytest.param("none.tar.gz", "the source code cannot be fetched from s3://source/none.tar.gz: ", id="absent"),
        pytest.param("damaged.tar.gz", "s3://source/damaged.tar.gz is not a whole tar.gz archive: ", id="damaged"),
    ],
)
def test_code_that_s3_cannot_give_is_named(job, bucket, key, says):
    assert job.run(sagemaker_submit_directory=f"s3://{bucket}/{key}")[0] == 1
    assert job.failure.startswith(says)


def test_examples_of_script_mode_train_as_they_are(job):
    """Two programs as users have them for AWS's XGBoost image."""
    for part in ("train", "validation"):
        job.channel(part, {path.name: path.read_text() for path in (ABALONE / part).iterdir()})
    job.code({"train.py": (PROGRAMS / "abalone_libsvm.py").read_text()})
    code, log = job.run(num_round="50", max_depth="5", eta="0.2", subsample="0.7", objective='"reg:squarederror"')
    assert code == 0, log
    assert "\n[49]\ttrain-rmse:" in log
    rmse = json.loads((job.root / "output/data/metrics.json").read_text())["validation"]["rmse"]
    assert rmse[-1] < 2.4
    model = bytearray((job.root / "model/xgboost-model").read_bytes())
    assert xgboost.Booster(model_file=model).num_boosted_rounds() == 50


def test_csv_example_stops_early(job):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(500, 4)).round(3)
    labels = (rows[:, 0] + rows[:, 1] > 0).astype(int)
    text = "".join(f"{label},{','.join(map(str, row))}\n" for label, row in zip(labels, rows, strict=True))
    job.channel("train", {"part-0.csv": text}).code({"churn.py": (PROGRAMS / "churn_csv.py").read_text()})
    hyperparameters = {"max-depth": "3", "eta": "0.3", "early-stopping-rounds": "5"}
    code, log = job.run(sagemaker_program="churn.py", **hyperparameters)
    assert code == 0, log
    assert "\tvalidation-auc:0.9" in log
    assert (job.root / "model/xgboost-model").is_file()


def test_documented_example_reads_a_channel(job):
    program = (PROGRAMS / "with_container.py").read_text()
    job.code({"train.py": program}).channel(
        "train", {"a.csv": "size,city\n1,Ulm\n2,Bonn\n", "b.csv": "city,size\nUlm,3\n"}
    )
    code, log = job.run()
    assert code == 0, log
    assert "read train/a.csv ['size', 'city'] 2\nread train/b.csv ['size', 'city'] 1\n" in log
    example = program.split("# example\n")[1].split("# end of the example\n")[0]
    assert f"```python\n{example}```\n" in (REPOSITORY / "docs/script-mode.md").read_text()


FAILURES = [
    pytest.param(
        "import sys\n\n\ndef check(rows):\n    raise ValueError(f'{rows} rows are too few')\n\n\ncheck(3)\n",
        1,
        "ValueError: 3 rows are too few (train.py line 5)",
        id="exception",
    ),
    pytest.param(
        "import json\n\njson.loads('[1,')\n",
        1,
        "json.decoder.JSONDecodeError: Expecting value: line 1 column 4 (char 3) (train.py line 3)",
        id="exception in a library",
    ),
    pytest.param("x = = 2\n", 1, "SyntaxError: invalid syntax (train.py line 1)", id="syntax"),
    pytest.param("import nowhere", 1, "ModuleNotFoundError: No module named 'nowhere' (train.py line 1)", id="import"),
    pytest.param("import sys\nsys.exit('no labels')", 1, "no labels (train.py ended with exit code 1)", id="exit"),
    pytest.param(
        "import argparse\nargparse.ArgumentParser().parse_args()",
        2,
        "train.py: error: unrecognized arguments: --eta 1 (train.py ended with exit code 2)",
        id="argparse",
    ),
    pytest.param(
        "print('on stdout')\nraise SystemExit(7)",
        7,
        "train.py ended with exit code 7 and wrote nothing to stderr; the log has what it printed",
        id="silence",
    ),
    pytest.param(
        "from pathlib import Path\nimport os\n"
        "Path(os.environ['SM_OUTPUT_DIR'], 'failure').write_text('labels are missing')\nraise SystemExit(3)",
        3,
        "labels are missing",
        id="a failure file of its own",
    ),
    pytest.param(
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
        137,
        "train.py was killed, most likely for lack of memory; use an instance with more, or less data at once",
        id="out of memory",
    ),
]


@pytest.mark.parametrize(("program", "exit_code", "failure"), FAILURES)
def test_failure_is_the_programs_own(job, program, exit_code, failure):
    code, log = job.code({"train.py": program}).run(eta="1")
    assert (code, job.failure) == (exit_code, failure)
    assert f"ERROR: {failure}\n" in log


CANNOT_START = [
    pytest.param(
        {"fit.py": ""},
        {},
        "there is no train.py in {base}/code, which has 'fit.py'; name the program in sagemaker_program",
        id="another name",
    ),
    pytest.param({}, {}, "there is no train.py in {base}/code, which is empty; name the program", id="nothing"),
    pytest.param(
        {"train.py": ""},
        {"sagemaker_program": "../code/train.py"},
        "The training entry point '../code/train.py' cannot be used because it contains '.' or '..' path segments",
        id="outside",
    ),
    pytest.param(
        {},
        {"sagemaker_submit_directory": "/nowhere/sourcedir.tar.gz"},
        "the source code cannot be read from /nowhere/sourcedir.tar.gz: No such file or directory; give an s3://",
        id="no archive",
    ),
    pytest.param(
        {},
        {"sagemaker_program": "", "sagemaker_submit_directory": "s3://a/key"},
        "there is source code in s3://a/key, but no program to run; name it in the hyperparameter sagemaker_program",
        id="no program",
    ),
    pytest.param(
        {"train.py": ""},
        {"sagemaker_mpi_enabled": "true"},
        "sagemaker_mpi_enabled: there is no MPI in this image; use XGBoost's own collective",
        id="MPI",
    ),
]


@pytest.mark.parametrize(("files", "hyperparameters", "failure"), CANNOT_START)
def test_what_cannot_start_is_explained(job, files, hyperparameters, failure):
    code, log = job.code(files).run(**hyperparameters)
    assert code == 1, log
    assert job.failure.startswith(failure.format(base=job.base))
    assert "Traceback" not in log


@pytest.mark.parametrize("content", [pytest.param(b"no archive", id="text"), pytest.param(None, id="truncated")])
def test_damaged_archive_is_named(job, content):
    path = job.root / "input/data/code/sourcedir.tar.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(content or archive({"train.py": "".join(map(str, range(10_000)))})[:-200])
    assert job.run()[0] == 1
    assert job.failure.startswith(f"{job.base}/input/data/code/sourcedir.tar.gz is not a whole tar.gz archive")


WAITS = """
import os, signal, sys, time
from pathlib import Path

def stop(number, frame):
    time.sleep(0.5)  # longer than a shell takes to die
    Path(os.environ["SM_MODEL_DIR"], "saved").write_text(str(number))
    sys.exit({exit_code})

if {handles}:
    signal.signal(signal.SIGTERM, stop)
print("ready", flush=True)
time.sleep(60)
"""


def stop_when_ready(job: ScriptJob, **hyperparameters: str) -> tuple[int, str]:
    """Start the job, send it SIGTERM once the program is ready, and give its exit code and the log."""
    with job.start(**hyperparameters) as process:
        log = ""
        while "ready\n" not in log and (line := process.stdout.readline()):
            log += line
        process.terminate()
        rest, _ = process.communicate(timeout=30)
    return process.returncode, log + rest


@pytest.mark.parametrize("exit_code", [0, 4])
def test_stop_reaches_the_program(job, exit_code):
    job.code({"train.py": WAITS.format(handles=True, exit_code=exit_code)})
    code, log = stop_when_ready(job)
    assert code == exit_code, log
    assert (job.root / "model/saved").read_text() == str(int(signal.SIGTERM))
    assert (job.failure is None) == (exit_code == 0)


def test_stop_that_the_program_does_not_handle_is_no_failure(job):
    code, log = stop_when_ready(job.code({"train.py": WAITS.format(handles=False, exit_code=0)}))
    assert code == 128 + signal.SIGTERM, log
    assert "WARNING: stopped; train.py handles no SIGTERM" in log
    assert job.failure is None


def test_shell_program_runs_with_the_arguments(job):
    job.code({"train.sh": '#!/bin/bash\necho "got $1=$2"\nexit 5\n'})
    code, log = job.run(sagemaker_program="train.sh", name="two words")
    assert (code, job.failure) == (
        5,
        "train.sh ended with exit code 5 and wrote nothing to stderr; the log has what it printed",
    )
    assert "got --name=two words\n" in log


def test_streams_pass_unchanged(job):
    """A line may be written in parts, and be long: metrics are read from it."""
    job.code(
        {
            "train.py": """
import sys, time
for stream in (sys.stdout, sys.stderr):
    stream.write("[0]")
    stream.flush()
    time.sleep(0.2)
    stream.write("\\ttrain-rmse:1.5\\n" + "é" * 100_000 + "\\n")
    stream.flush()
"""
        }
    )
    # Apart, for docker's client copies the two side by side, a long line of one around what the other says.
    with job.start(stderr=subprocess.PIPE) as process:
        streams = process.communicate(timeout=120)
    assert process.returncode == 0
    for log in streams:
        assert log.count("[0]\ttrain-rmse:1.5\n" + "é" * 100_000 + "\n") == 1


def test_job_without_a_model_is_told_so(job):
    code, log = job.code({"train.py": ""}).run()
    assert code == 0
    assert f"WARNING: train.py wrote nothing into {job.base}/model: the job has no model" in log


def test_algorithm_mode_leaves_the_toolkit_alone(tmp_path):
    """It would create /opt/ml/code, and take a second to import."""
    job = ScriptJob(tmp_path / "ml", None).channel("train", {"a.csv": "y,x\n" + "1,2\n3,4\n" * 5})
    (tmp_path / "sagemaker_training.py").write_text("raise SystemExit('imported')\n")
    job.environment["PYTHONPATH"] = str(tmp_path)
    code, log = job.run(target="y", num_round="2")
    assert code == 0, log
    assert not (job.root / "code").exists()


def test_toolkit_that_is_not_installed_is_asked_for(tmp_path):
    job = ScriptJob(tmp_path / "ml", None).code({"train.py": ""})
    (tmp_path / "sagemaker_training.py").write_text("raise ImportError\n")
    job.environment["PYTHONPATH"] = str(tmp_path)
    assert job.run()[0] == 1
    assert job.failure == "train.py cannot be run: sagemaker-training is not installed; pip install sagemaker-training"
