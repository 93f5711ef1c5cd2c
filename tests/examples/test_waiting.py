"""Progress while SageMaker works: status, metrics and log lines as they come."""

from typing import Any

from tests.examples.conftest import SCRIPTS, TRAIN, Scripts
from tests.support.scripted_aws import Answer, ScriptedAws, refusal

NOW = {"CreationTime": 0, "LastModifiedTime": 0, "StoppingCondition": {}, "TrainingJobArn": "a", "TrainingJobName": "j"}
FAST = ("--poll-interval", "0.1")


def job(status: str, secondary: str, message: str = "", **fields: Any) -> Answer:
    """What DescribeTrainingJob answers."""
    transitions = [{"Status": secondary, "StartTime": 0, "StatusMessage": message}] if message else []
    states = {"TrainingJobStatus": status, "SecondaryStatus": secondary, "SecondaryStatusTransitions": transitions}
    return Answer({**NOW, "ModelArtifacts": {}, **states, **fields})


def without_time(said: str) -> list[str]:
    """The lines, those of the status without the time of day before them."""
    return [line.partition(" ")[2] if line[:2].isdigit() else line for line in said.splitlines()]


def events(token: str, *lines: str) -> Answer:
    found = [{"timestamp": 0, "message": line, "ingestionTime": 0} for line in lines]
    return Answer({"events": found, "nextForwardToken": token, "nextBackwardToken": "b"})


def test_a_training_job_from_start_to_end(scripts: Scripts, aws: ScriptedAws) -> None:
    metric = {"MetricName": "validation:rmse", "Value": 2.5, "Timestamp": 0}
    aws.answer(
        "DescribeTrainingJob",
        job("InProgress", "Starting", "Starting the training job"),
        job("InProgress", "Starting", "Starting the training job"),
        job("InProgress", "Training", "Training in progress", FinalMetricDataList=[metric]),
        job("Completed", "Completed", ModelArtifacts={"S3ModelArtifacts": "s3://bucket/out/j/output/model.tar.gz"},
            TrainingTimeInSeconds=90, BillableTimeInSeconds=30, FinalMetricDataList=[{**metric, "Value": 2.25}]),
    )  # fmt: skip
    nothing = refusal("ResourceNotFoundException", "The specified log group does not exist.")
    streams = Answer({"logStreams": [{"logStreamName": "j/algo-1-1700000000"}]})
    aws.answer("DescribeLogStreams", nothing, streams)
    aws.answer(
        "GetLogEvents",
        events("f/1", "[0]\tvalidation-rmse:3.0"),
        events("f/1"),
        events("f/1"),
        events("f/2", "[1]\tvalidation-rmse:2.5", "saved"),
        events("f/2"),
    )
    done = scripts.succeed("train", *TRAIN, "--training-job-name", "j", *FAST)
    assert without_time(done.stderr) == [
        "j: InProgress · Starting Starting the training job",
        "  algo-1: [0]\tvalidation-rmse:3.0",
        "j: InProgress · Training Training in progress · validation:rmse 2.5",
        "j: Completed · validation:rmse 2.25",
        "  algo-1: [1]\tvalidation-rmse:2.5",
        "  algo-1: saved",
        "the model: s3://bucket/out/j/output/model.tar.gz",
        "billed: 30 s of 90 s",
        f"next: {SCRIPTS}/deploy.py --training-job-name j",
    ]
    assert done.stdout == "j\n"
    assert {request["logStreamNamePrefix"] for request in aws.sent("DescribeLogStreams")} == {"j/"}
    assert [request.get("nextToken") for request in aws.sent("GetLogEvents")] == [None, "f/1", "f/1", "f/1", "f/2"]


def test_a_failed_job_says_why_in_one_line(scripts: Scripts, aws: ScriptedAws) -> None:
    reason = "AlgorithmError: column 'price' is not there; name one of\n'area', exit code: 1"
    aws.answer("DescribeTrainingJob", job("Failed", "Failed", FailureReason=reason))
    done = scripts.run("train", "--wait", "j", *FAST)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == (
        "train.py: j failed: AlgorithmError: column 'price' is not there; name one of 'area', exit code: 1"
    )


def test_a_stopped_job_may_have_a_model(scripts: Scripts, aws: ScriptedAws) -> None:
    aws.answer(
        "DescribeTrainingJob",
        job("Stopping", "Uploading"),
        job("Stopped", "MaxRuntimeExceeded", ModelArtifacts={"S3ModelArtifacts": "s3://bucket/m.tar.gz"}),
    )
    done = scripts.succeed("train", "--wait", "j", *FAST)
    assert without_time(done.stderr)[:3] == [
        "j: Stopping · Uploading",
        "j: Stopped · MaxRuntimeExceeded",
        "the model: s3://bucket/m.tar.gz",
    ]
    assert aws.sent("CreateTrainingJob") == []


def test_without_the_right_to_read_logs_it_goes_on(scripts: Scripts, aws: ScriptedAws) -> None:
    aws.answer("DescribeTrainingJob", *[job("InProgress", "Training")] * 3, job("Completed", "Completed"))
    aws.answer("DescribeLogStreams", refusal("AccessDeniedException", "not authorized to perform: logs:Describe"))
    done = scripts.succeed("train", "--wait", "j", *FAST)
    assert done.stderr.count("its log cannot be shown: DescribeLogStreams: not authorized") == 1


def test_losing_sight_of_it_is_not_its_end(scripts: Scripts, aws: ScriptedAws) -> None:
    """As when a sign-in ends before the job does."""
    aws.answer("DescribeTrainingJob", job("InProgress", "Training"), refusal("ExpiredTokenException", "is expired"))
    done = scripts.run("train", "--wait", "j", *FAST)
    assert done.returncode == 1
    assert without_time(done.stderr) == [
        "j: InProgress · Training",
        f"j is left running on SageMaker; to come back: {SCRIPTS}/train.py --wait j",
        "train.py: the AWS credentials have expired; run aws sso login, or renew the keys",
    ]


def test_what_was_never_there_is_not_left_running(scripts: Scripts, aws: ScriptedAws) -> None:
    aws.answer("DescribeTrainingJob", refusal("ValidationException", "Requested resource not found."))
    (line,) = scripts.run("train", "--wait", "j", *FAST).stderr.splitlines()
    assert line == "train.py: DescribeTrainingJob: Requested resource not found; check the name and the region"


def test_a_tuning_job(scripts: Scripts, aws: ScriptedAws) -> None:
    def tuning(status: str, counters: dict[str, int], **fields: Any) -> Answer:
        return Answer({"HyperParameterTuningJobStatus": status, "TrainingJobStatusCounters": counters, **fields})

    best = {
        "TrainingJobName": "t-001",
        "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "validation:rmse", "Value": 0.125},
        "TunedHyperParameters": {"eta": "0.1", "max_depth": "4"},
    }
    aws.answer(
        "DescribeHyperParameterTuningJob",
        tuning("InProgress", {"Completed": 0, "InProgress": 2}),
        tuning("InProgress", {"Completed": 1, "InProgress": 2}, BestTrainingJob=best),
        tuning("Completed", {"Completed": 3, "InProgress": 0}, BestTrainingJob=best),
    )
    done = scripts.succeed("tune", "--wait", "t", *FAST)
    found = "best so far t-001, validation:rmse 0.125"
    assert without_time(done.stderr) == [
        "t: InProgress · 2 InProgress",
        f"t: InProgress · 1 Completed · 2 InProgress · {found}",
        f"t: Completed · 3 Completed · {found}",
        "the best has eta=0.1 max_depth=4",
        f"next: {SCRIPTS}/deploy.py --training-job-name t-001",
    ]
    assert done.stdout == "t-001\n"


def test_a_tuning_job_without_a_result(scripts: Scripts, aws: ScriptedAws) -> None:
    aws.answer("DescribeHyperParameterTuningJob", Answer({"HyperParameterTuningJobStatus": "Stopped"}))
    done = scripts.run("tune", "--wait", "t", *FAST)
    assert (done.returncode, done.stdout) == (1, "")
    assert "list-training-jobs-for-hyper-parameter-tuning-job --hyper-parameter-tuning-job-name t" in done.stderr


def test_an_endpoint_shows_its_log_when_it_fails(scripts: Scripts, aws: ScriptedAws) -> None:
    aws.answer(
        "DescribeEndpoint",
        Answer({"EndpointStatus": "Creating"}),
        Answer({"EndpointStatus": "Failed", "FailureReason": "The container did not pass the ping health check."}),
    )
    aws.answer("DescribeLogStreams", Answer({"logStreams": [{"logStreamName": "AllTraffic/i-0abc"}]}))
    aws.answer("GetLogEvents", events("f", "the model is a pickle"), events("f"))
    done = scripts.run("deploy", "--wait", "e", *FAST)
    assert done.returncode == 1
    assert without_time(done.stderr) == [
        "e: Creating",
        "  i-0abc: the model is a pickle",
        "e: Failed",
        "deploy.py: e failed: The container did not pass the ping health check.",
    ]
    assert aws.sent("DescribeLogStreams")[0] == {"logGroupName": "/aws/sagemaker/Endpoints/e"}


def test_a_come_back_sets_the_scaling_too(scripts: Scripts, aws: ScriptedAws) -> None:
    """What --no-wait prints is what has to be typed for the rest to happen."""
    arguments = ("--endpoint-name", "e", "--max-capacity", "3", "--scale-in-cooldown", "9", "--no-wait")
    model = (
        "--model-data-url",
        "s3://bucket/m.tar.gz",
        "--image",
        "i",
        "--execution-role-arn",
        "arn:aws:iam::1:role/x",
    )
    done = scripts.succeed("deploy", *model, *arguments)
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("to see how it goes:")]
    again = line.partition("deploy.py ")[2].split()
    assert aws.sent("PutScalingPolicy") == []
    scripts.succeed("deploy", *again, *FAST)
    (policy,) = aws.sent("PutScalingPolicy")
    assert policy["TargetTrackingScalingPolicyConfiguration"]["ScaleInCooldown"] == 9
    assert len(aws.sent("CreateEndpoint")) == 1
