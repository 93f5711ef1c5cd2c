"""examples/aws/README.md: its commands are run one after another, and its options and links exist."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from container.contract.serving_env import SETTINGS
from container.training.hyperparameters.parse import Hyperparameters
from tests.examples.conftest import IMAGE, SCRIPTS, Scripts
from tests.examples.test_errors import NAMES
from tests.examples.test_life_cycle import client, names
from tests.support.scripted_aws import Answer, ScriptedAws

ROOT = SCRIPTS.parents[1]
README = (SCRIPTS / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PROSE = re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)
PUSH = f"""#!/bin/sh
[ "$*" = --cpu ] && echo {IMAGE}
"""


@pytest.fixture
def checkout(scripts: Scripts) -> Path:
    """What the commands use of the repository, with an image that is pushed already."""
    root = scripts.folder / "checkout"
    for folder in ("examples", "local_test"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("work", "__pycache__"))
    (root / "tests" / "data").mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "data" / "ames.csv", root / "tests" / "data")
    (root / "build_and_push.sh").write_text(PUSH)
    (root / "build_and_push.sh").chmod(0o755)
    return root


def test_the_story(scripts: Scripts, aws: ScriptedAws, checkout: Path) -> None:
    """As moto runs nothing, the best of the tuning job is the job before it, and the predictions are there already."""
    s3 = client(scripts, "s3")
    s3.create_bucket(Bucket="my-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="my-bucket", Key="ames/predictions/rows.csv.out", Body=b"1,2\n")
    client(scripts, "iam").create_role(RoleName="SageMakerRole", AssumeRolePolicyDocument="{}")
    aws.answer("InvokeEndpoint", Answer(body=b"180909.22\n"))
    best = {"TrainingJobName": "ames-1", "TunedHyperParameters": {"eta": "0.1"}}
    tuned = Answer({"HyperParameterTuningJobStatus": "Completed", "BestTrainingJob": best})
    aws.answer("DescribeHyperParameterTuningJob", tuned)
    story = "".join(BLOCKS).replace("examples/aws/train.py", "examples/aws/train.py --training-job-name ames-1")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", story],
        env={**scripts.env, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        cwd=checkout,
        text=True,
        capture_output=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("180909.22\n") == 2
    assert "rows.csv.out" in done.stdout
    assert [request["Headers"]["Content-Type"] for request in aws.sent("InvokeEndpoint")] == ["text/csv"] * 2
    assert "aws s3 rm --recursive s3://my-bucket/ames/predictions/" in done.stderr
    assert names(scripts, "endpoint") == names(scripts, "model") == []
    body = s3.get_object(Bucket="my-bucket", Key="ames/rows/rows.csv")["Body"].read().decode()
    assert re.match(r"\d+,\d+,", body)  # no header
    trained = s3.get_object(Bucket="my-bucket", Key="ames/train/ames.csv")["Body"].read()
    assert trained == (checkout / "local_test/work/ames/input/data/train/ames.csv").read_bytes()


def test_hyperparameters_are_the_images() -> None:
    """What the commands and the table give to a job."""
    commands = re.findall(r"--(?:static-)?hyper-parameters ((?:[a-z_]+=\S+ ?)+)", "".join(BLOCKS).replace(")", " "))
    assert len(commands) == 2
    for words in (*commands, *re.findall(r"`(\w+=\d+)` to the hyperparameters", PROSE)):
        Hyperparameters.parse(dict(word.split("=") for word in words.split()))


def test_ranges_are_of_hyperparameters() -> None:
    (ranges,) = re.findall(r"--parameter-ranges (.*)\)", "".join(BLOCKS))
    for entry in ranges.split():
        name, values = entry.split("=")
        for end in values.split(":")[:2]:
            Hyperparameters.parse({name: end})


def test_settings_are_the_servers() -> None:
    settings = re.findall(r"--environment (\w+)=", PROSE)
    assert settings
    assert set(settings) <= {setting.variable for setting in SETTINGS.values()}


def test_options_in_prose_exist(bare: Scripts) -> None:
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", PROSE))
    assert len(options) > 15
    known = "".join(bare.succeed(name, "--help").stdout for name in NAMES)
    assert options <= set(re.findall(r"--[a-z][a-z0-9-]+", known))


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)", PROSE))
def test_links_lead_somewhere(target: str) -> None:
    assert (SCRIPTS / target).exists()


def test_every_script_is_in_the_story() -> None:
    named = {f"{path.stem}.py" for path in SCRIPTS.glob("*.py") if path.stat().st_mode & 0o111}
    assert named == set(re.findall(r"examples/aws/(\w+\.py)", "".join(BLOCKS)))
