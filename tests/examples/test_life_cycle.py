"""A model's whole life against moto: train, deploy, predict, batch, clean up; and what clean-up finds."""

from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.examples.conftest import IMAGE, ROLE, TAG, TRAIN, Scripts
from tests.support.scripted_aws import Answer, ScriptedAws, refusal

UNTAGGED = {"Key": "CreatedBy", "Value": "someone else"}


def client(scripts: Scripts, service: str) -> Any:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-west-1"}
    return boto3.client(service, endpoint_url=scripts.env["AWS_ENDPOINT_URL"], **keys)


def names(scripts: Scripts, what: str) -> list[str]:
    """The names of all endpoints, models, … that are there."""
    listed = getattr(client(scripts, "sagemaker"), f"list_{what}s")()
    field = "".join(word.title() for word in what.split("_"))
    return [entry[f"{field}Name"] for entry in listed[f"{field}s"]]


def rows(folder: Path) -> Path:
    (folder / "rows.csv").write_text("1,2\n")
    return folder / "rows.csv"


def test_from_training_to_nothing(scripts: Scripts, aws: ScriptedAws) -> None:
    trained = scripts.succeed("train", *TRAIN, "--training-job-name", "ames")
    assert trained.stdout == "ames\n"
    assert "Completed" in trained.stderr
    assert f"next: {Path(__file__).parents[2]}/examples/aws/deploy.py --training-job-name ames" in trained.stderr

    deployed = scripts.succeed(
        "deploy", "--training-job-name", "ames", "--endpoint-name", "ames-live", "--max-capacity", "3"
    )
    assert deployed.stdout == "ames-live\n"
    assert "predict.py --endpoint-name ames-live rows.csv" in deployed.stderr
    (model,) = aws.sent("CreateModel")
    assert model["PrimaryContainer"]["Image"] == IMAGE
    assert model["PrimaryContainer"]["ModelDataUrl"].endswith("ames/output/model.tar.gz")
    assert model["ExecutionRoleArn"] == ROLE

    aws.answer("InvokeEndpoint", Answer(body=b"208500.0\n"))
    predicted = scripts.succeed("predict", "--endpoint-name", "ames-live", str(rows(scripts.folder)))
    assert predicted.stdout == "208500.0\n"
    (asked,) = aws.sent("InvokeEndpoint")
    assert (asked["Body"], asked["Headers"]["Content-Type"]) == (b"1,2\n", "text/csv")

    batched = scripts.succeed(
        *(
            "batch",
            "--training-job-name",
            "ames",
            "--s3-uri",
            "s3://bucket/rows/",
            "--transform-job-name",
            "ames-batch",
        ),
        *("--s3-output-path", "s3://bucket/predictions/", "--join-source", "Input"),
    )
    assert batched.stdout == "s3://bucket/predictions/\n"
    assert "aws s3 cp --recursive s3://bucket/predictions/ predictions/" in batched.stderr

    cleaned = scripts.succeed("clean_up", "--yes")
    order = [line.split(maxsplit=1)[1] for line in cleaned.stderr.splitlines() if line.startswith("done:")]
    assert order == [
        "delete scaling endpoint/ames-live/variant/AllTraffic",
        "delete endpoint ames-live",
        "delete endpoint config ames-live",
        "delete model ames-live",
        "delete model ames-batch",
    ]
    assert [names(scripts, what) for what in ("endpoint", "endpoint_config", "model")] == [[], [], []]
    targets = client(scripts, "application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    assert targets["ScalableTargets"] == []
    assert "there is nothing to delete" in scripts.succeed("clean_up", "--yes").stderr


DEPLOY = ("--model-data-url", "s3://bucket/m.tar.gz", "--image", IMAGE, "--execution-role-arn", ROLE)


class TestCleanUp:
    def test_it_asks(self, scripts: Scripts) -> None:
        scripts.succeed("deploy", *DEPLOY, "--endpoint-name", "a")
        for reply, said in (("no\n", "nothing was deleted"), ("", "give --yes")):
            assert said in scripts.run("clean_up", stdin=reply).stderr
            assert names(scripts, "endpoint") == ["a"]
        scripts.succeed("clean_up", stdin="yes\n")
        assert names(scripts, "endpoint") == []

    def test_it_touches_only_what_has_the_tag(self, scripts: Scripts) -> None:
        for name, tags in (("theirs", [UNTAGGED]), ("nobodys", []), ("ours", [TAG])):
            container = {"Image": IMAGE, "ModelDataUrl": "s3://bucket/m.tar.gz"}
            client(scripts, "sagemaker").create_model(
                ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE, Tags=tags
            )
        scripts.succeed("clean_up", "--yes")
        assert sorted(names(scripts, "model")) == ["nobodys", "theirs"]

    def test_a_prefix_narrows_it(self, scripts: Scripts) -> None:
        """A prefix is one: a name that has it elsewhere, which the API's NameContains finds too, is left."""
        for name in ("a-1", "b-a-1"):
            scripts.succeed("deploy", *DEPLOY, "--endpoint-name", name)
        scripts.succeed("clean_up", "--yes", "--name-prefix", "a-")
        assert names(scripts, "endpoint") == names(scripts, "model") == ["b-a-1"]

    def test_it_goes_through_all_pages(self, scripts: Scripts, aws: ScriptedAws) -> None:
        def page(*numbers: int) -> list[dict[str, Any]]:
            arn = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/e"
            common = {"CreationTime": 0, "LastModifiedTime": 0, "EndpointStatus": "InService"}
            return [{"EndpointName": f"e{n}", "EndpointArn": f"{arn}{n}", **common} for n in numbers]

        aws.answer("ListEndpoints", Answer({"Endpoints": page(1, 2), "NextToken": "t"}), Answer({"Endpoints": page(3)}))
        aws.answer("ListTags", Answer({"Tags": [UNTAGGED], "NextToken": "t"}), Answer({"Tags": [TAG]}))
        aws.answer("DescribeEndpoint", Answer({"EndpointName": "e"}))
        aws.answer("DeleteEndpoint", Answer())
        scripts.succeed("clean_up", "--yes")
        assert [request["EndpointName"] for request in aws.sent("DeleteEndpoint")] == ["e1", "e2", "e3"]

    def test_jobs_that_run_are_stopped(self, scripts: Scripts, aws: ScriptedAws) -> None:
        for kind in ("HyperParameterTuningJob", "TrainingJob", "TransformJob"):
            arn = f"arn:aws:sagemaker:eu-west-1:123456789012:x/{kind}"
            jobs = [
                {f"{kind}Name": name, f"{kind}Arn": arn, f"{kind}Status": status, "CreationTime": 0}
                for name, status in (("runs", "InProgress"), ("ended", "Completed"))
            ]
            aws.answer(f"List{kind}s", Answer({f"{kind}Summaries": jobs}))
            aws.answer(f"Describe{kind}", Answer({f"{kind}Name": "x"}))
            aws.answer(f"Stop{kind}", Answer())
        aws.answer("ListTags", Answer({"Tags": [TAG]}))
        said = scripts.succeed("clean_up", "--yes").stderr
        for kind in ("HyperParameterTuningJob", "TrainingJob", "TransformJob"):
            assert aws.sent(f"Stop{kind}") == [{f"{kind}Name": "runs"}]
        stopped = [line for line in said.splitlines() if line.startswith("done:")]
        assert [line.split(maxsplit=1)[1] for line in stopped] == [
            "stop   hyper parameter tuning job runs",  # first, for it would start more training jobs
            "stop   training job runs",
            "stop   transform job runs",
        ]

    def test_one_that_cannot_be_deleted_does_not_keep_the_others(self, scripts: Scripts, aws: ScriptedAws) -> None:
        scripts.succeed("deploy", *DEPLOY, "--endpoint-name", "a")
        aws.answer("DeleteEndpoint", refusal("ValidationException", "Cannot delete an endpoint that is being created."))
        done = scripts.run("clean_up", "--yes")
        assert done.returncode == 1
        assert "failed: delete endpoint a - DeleteEndpoint: Cannot delete" in done.stderr
        assert done.stderr.splitlines()[-1].startswith("clean_up.py: 1 of 3 are still there")
        assert names(scripts, "model") == []

    def test_what_is_left_is_counted_and_sized(self, scripts: Scripts, aws: ScriptedAws) -> None:
        s3, ecr, logs = (client(scripts, service) for service in ("s3", "ecr", "logs"))
        s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        for key in ("out/ames/output/model.tar.gz", "out/ames/checkpoints/1", "captured/x", "out/ames-2/x"):
            s3.put_object(Bucket="bucket", Key=key, Body=b"x" * 1_000_000)
        ecr.create_repository(repositoryName="sagemaker-xgboost")
        logs.create_log_group(logGroupName="/aws/sagemaker/TrainingJobs")
        spot = ("--enable-managed-spot-training", "--training-job-name", "ames")
        scripts.succeed("train", *TRAIN, *spot)
        scripts.succeed("deploy", *DEPLOY, "--endpoint-name", "a", "--destination-s3-uri", "s3://bucket/captured/")
        images = [{"imageDigest": f"sha256:{n:064}", "imageSizeInBytes": 700_000_000} for n in (1, 2)]
        aws.answer("DescribeImages", Answer({"imageDetails": images}))
        said = scripts.succeed("clean_up", "--yes", "--region", "eu-west-1").stderr
        left = [line.strip() for line in said.partition("what is left")[2].splitlines()[1:]]
        where = "--region eu-west-1"
        assert left == [
            f"s3://bucket/captured/: 1 objects, 1.0 MB; aws s3 rm --recursive s3://bucket/captured/ {where}",
            f"s3://bucket/out/ames/: 2 objects, 2.0 MB; aws s3 rm --recursive s3://bucket/out/ames/ {where}",
            "ECR repository sagemaker-xgboost: 2 images, 1400.0 MB; "
            f"aws ecr delete-repository --force --repository-name sagemaker-xgboost {where}",
            "log group /aws/sagemaker/TrainingJobs: 0.0 MB; "
            f"aws logs delete-log-group --log-group-name /aws/sagemaker/TrainingJobs {where}",
        ]
        (asked,) = aws.sent("DescribeImages")
        assert (asked["registryId"], asked["repositoryName"]) == ("123456789012", "sagemaker-xgboost")

    def test_what_is_gone_already_is_not_left(self, scripts: Scripts) -> None:
        """The bucket and the repository were never there; there is a log group of a name that begins like the job's."""
        client(scripts, "logs").create_log_group(logGroupName="/aws/sagemaker/TrainingJobs-2")
        scripts.succeed("train", *TRAIN, "--training-job-name", "ames")
        said = scripts.succeed("clean_up", "--yes").stderr
        assert said.partition("what is left")[2].splitlines()[1:] == ["  nothing"]

    def test_what_may_not_be_looked_at_is_named(self, scripts: Scripts, aws: ScriptedAws) -> None:
        scripts.succeed("train", *TRAIN, "--training-job-name", "ames")
        aws.answer("DescribeImages", refusal("AccessDeniedException", "not authorized to perform: ecr:DescribeImages"))
        aws.answer("DescribeLogGroups", refusal("AccessDeniedException", "not authorized to perform: logs:Describe"))
        denied = b"<Error><Code>AccessDenied</Code><Message>not authorized to perform: s3:ListBucket</Message></Error>"
        aws.answer("GET /bucket", Answer(status=403, body=denied))
        said = scripts.succeed("clean_up", "--yes").stderr
        assert "s3://bucket/out/ames/: ListObjectsV2: not authorized to perform: s3:ListBucket; have this" in said
        assert "ECR repository sagemaker-xgboost: DescribeImages: not authorized" in said
        assert "log group /aws/sagemaker/TrainingJobs: DescribeLogGroups: not authorized" in said


def test_a_refused_endpoint_leaves_nothing_behind(scripts: Scripts, aws: ScriptedAws) -> None:
    """So that the same command with another instance type finds the name free."""
    message = "The account-level service limit 'ml.m5.large for endpoint usage' is 0 Instances."
    aws.answer("CreateEndpoint", refusal("ResourceLimitExceeded", message))
    done = scripts.run("deploy", *DEPLOY, "--endpoint-name", "a")
    assert done.returncode == 1
    assert "Service Quotas" in done.stderr
    assert names(scripts, "endpoint_config") == names(scripts, "model") == []


@pytest.mark.parametrize("failed", [False, True])
def test_an_asynchronous_reply_is_waited_for(failed: bool, scripts: Scripts, aws: ScriptedAws) -> None:
    s3 = client(scripts, "s3")
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    locations = {
        "X-Amzn-SageMaker-OutputLocation": "s3://bucket/out/i.out",
        "X-Amzn-SageMaker-FailureLocation": "s3://bucket/failed/i.out",
    }
    aws.answer("InvokeEndpointAsync", Answer({"InferenceId": "i"}, headers=locations))
    body = b'{"error":"line 1"}\n' if failed else b"1.5\n"
    missing = Answer(status=404, body=b"<Error><Code>NoSuchKey</Code><Message>There is no such key</Message></Error>")
    aws.answer("GET /bucket/out/i.out", missing, missing, *([] if failed else [Answer(body=body)]))
    aws.answer("GET /bucket/failed/i.out", missing, *([Answer(body=body)] if failed else []))
    done = scripts.run(
        *("predict", "--endpoint-name", "a", "--input-location", "s3://bucket/in/rows.csv", "--poll-interval", "0.1"),
        str(rows(scripts.folder)),
    )
    assert s3.get_object(Bucket="bucket", Key="in/rows.csv")["Body"].read() == b"1,2\n"
    if failed:
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1] == 'predict.py: the model answers: {"error":"line 1"}'
    else:
        assert (done.returncode, done.stdout) == (0, "1.5\n")
    (sent,) = aws.sent("InvokeEndpointAsync")
    assert sent["Headers"]["X-Amzn-Sagemaker-Inputlocation"] == "s3://bucket/in/rows.csv"
