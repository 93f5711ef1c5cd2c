"""Ctrl-C ends the script, leaves what it started running, and says how to come back or stop it."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from tests.examples.conftest import SCRIPTS, TRAIN, Scripts
from tests.examples.test_waiting import job
from tests.support.scripted_aws import Answer, ScriptedAws

STARTED = {
    "train": ("DescribeTrainingJob", job("InProgress", "Training"), "stop-training-job --training-job-name j"),
    "tune": (
        "DescribeHyperParameterTuningJob",
        Answer({"HyperParameterTuningJobStatus": "InProgress"}),
        "stop-hyper-parameter-tuning-job --hyper-parameter-tuning-job-name j",
    ),
    "batch": (
        "DescribeTransformJob",
        Answer({"TransformJobStatus": "InProgress"}),
        "stop-transform-job --transform-job-name j",
    ),
    "deploy": ("DescribeEndpoint", Answer({"EndpointStatus": "Creating"}), "clean_up.py --name-prefix j"),
}


@pytest.mark.parametrize("script", STARTED)
def test_ctrl_c_leaves_it_running(script: str, scripts: Scripts, aws: ScriptedAws) -> None:
    operation, answer, stop = STARTED[script]
    aws.answer(operation, answer)
    returncode, said = interrupt(scripts, script, "--wait", "j", "--region", "eu-west-1", "--poll-interval", "60")
    assert returncode == 130
    assert "Traceback" not in said
    assert "j is left running on SageMaker." in said
    assert f"to come back: {SCRIPTS}/{script}.py --wait j --region eu-west-1" in said
    assert f"{stop} --region eu-west-1" in said
    assert not [name for name, _ in aws.requests if name.startswith(("Stop", "Delete"))]


def test_ctrl_c_right_after_the_start(scripts: Scripts, aws: ScriptedAws) -> None:
    aws.answer("DescribeTrainingJob", job("InProgress", "Starting"))
    returncode, said = interrupt(scripts, "train", *TRAIN, "--training-job-name", "j", "--poll-interval", "60")
    assert returncode == 130
    assert f"{SCRIPTS}/train.py --wait j" in said
    assert len(aws.sent("CreateTrainingJob")) == 1


def test_ctrl_c_while_a_reply_is_waited_for(scripts: Scripts, aws: ScriptedAws) -> None:
    location = {"X-Amzn-SageMaker-OutputLocation": "s3://bucket/out/i.out"}
    aws.answer("InvokeEndpointAsync", Answer({"InferenceId": "i"}, headers=location))
    missing = Answer(status=404, body=b"<Error><Code>NoSuchKey</Code><Message>There is no such key</Message></Error>")
    aws.answer("GET /bucket/out/i.out", missing)
    asked = ("--endpoint-name", "e", "--input-location", "s3://bucket/in/rows.csv", "--poll-interval", "60")
    returncode, said = interrupt(scripts, "predict", *asked)
    assert returncode == 130
    assert "aws s3 cp s3://bucket/out/i.out -" in said


LOST = """
import os, signal, sys
sys.path.insert(0, {folder!r})
from interrupts import listen, pause

class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass

listen()
Finalized()
try:
    pause(60)
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_ctrl_c_in_a_finalizer_is_not_lost() -> None:
    command = [sys.executable, "-c", LOST.format(folder=str(SCRIPTS))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (130, "")


def interrupt(scripts: Scripts, script: str, *arguments: str) -> tuple[int, str]:
    """Send SIGINT to the script once it has said something; its exit code, and all it said."""
    with subprocess.Popen(
        scripts.command(script, *arguments), env=scripts.env, cwd=scripts.folder, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        first = process.stderr.readline()
        os.kill(process.pid, signal.SIGINT)
        said = first + process.stderr.read()
        watchdog.cancel()
    return process.returncode, said
