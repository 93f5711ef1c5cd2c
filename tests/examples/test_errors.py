"""What goes wrong is one line with the cause and what to do, exit code 1, and no traceback."""

import ast
import sys

import pytest

from tests.examples.conftest import SCRIPTS, TRAIN, Scripts
from tests.support.processes import free_port
from tests.support.scripted_aws import Answer, ScriptedAws, refusal

NAMES = ["train", "tune", "deploy", "predict", "batch", "clean_up"]


def the_line(scripts: Scripts, *arguments: str, **env: str) -> str:
    done = scripts.run(*arguments, **env)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    *before, line = done.stderr.splitlines()
    assert before == []
    assert line.startswith(f"{arguments[0]}.py: ")
    return line.partition(": ")[2]


@pytest.mark.parametrize("name", NAMES)
def test_help(name: str, bare: Scripts) -> None:
    """It shows the docstring, which has a command to copy, and every option has a line."""
    shown = bare.succeed(name, "--help").stdout
    assert f"    {name}.py" in shown
    assert "--dry-run" in shown
    assert (SCRIPTS / f"{name}.py").stat().st_mode & 0o111


def test_boto3_is_all_they_take() -> None:
    """And nothing of the container's, which may not be there."""
    own = {file.stem for file in SCRIPTS.glob("*.py")}
    for file in SCRIPTS.glob("*.py"):
        nodes = list(ast.walk(ast.parse(file.read_text())))
        imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        imported |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
        assert {name.partition(".")[0] for name in imported} <= {*sys.stdlib_module_names, "boto3", "botocore", *own}


class TestBeforeAwsIsAsked:
    def test_no_region(self, scripts: Scripts) -> None:
        said = the_line(scripts, "train", *TRAIN, AWS_DEFAULT_REGION="")
        assert said == "no AWS region; give --region NAME or set AWS_REGION"

    def test_a_region_by_its_other_name(self, scripts: Scripts) -> None:
        assert scripts.run("train", *TRAIN, "--no-wait", AWS_DEFAULT_REGION="", AWS_REGION="eu-west-1").returncode == 0

    def test_no_credentials(self, scripts: Scripts) -> None:
        said = the_line(scripts, "train", *TRAIN, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
        assert said == "no AWS credentials; run aws configure, or aws sso login, or set AWS_PROFILE"

    def test_half_of_the_credentials(self, scripts: Scripts) -> None:
        assert "no AWS credentials (" in the_line(scripts, "train", *TRAIN, AWS_SECRET_ACCESS_KEY="")

    def test_no_such_profile(self, scripts: Scripts) -> None:
        said = the_line(scripts, "clean_up", "--profile", "nope")
        assert said.startswith("The config profile (nope) could not be found; aws configure list-profiles")

    def test_an_expired_sign_in(self, scripts: Scripts) -> None:
        config = scripts.folder / "home" / ".aws" / "config"
        config.parent.mkdir()
        config.write_text(
            "[profile sso]\nsso_start_url = https://x.example\nsso_region = eu-west-1\n"
            "sso_account_id = 123456789012\nsso_role_name = x\n"
        )
        said = the_line(scripts, "train", "--profile", "sso", *TRAIN, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
        assert said.startswith("the sign-in has expired (")
        assert said.endswith("; run aws sso login")

    def test_unreachable(self, scripts: Scripts) -> None:
        said = the_line(scripts, "train", *TRAIN, AWS_ENDPOINT_URL=f"http://127.0.0.1:{free_port()}")
        assert said.startswith("AWS cannot be reached (Could not connect to the endpoint URL")
        assert "region" in said

    def test_no_such_file(self, scripts: Scripts) -> None:
        said = the_line(scripts, "predict", "--endpoint-name", "e", "nope.csv")
        assert said == "[Errno 2] No such file or directory: 'nope.csv'"

    def test_a_field_that_the_api_does_not_take(self, scripts: Scripts) -> None:
        said = the_line(scripts, "train", *TRAIN, "--role-arn", "sagemaker", "--dry-run")
        assert said.startswith("Invalid length for parameter RoleArn, value: 9, valid min length: 20")


ROLE_SAID = (
    "Could not assume role arn:aws:iam::123456789012:role/x. Please ensure that the role exists and allows principal "
    "'sagemaker.amazonaws.com' to assume the role."
)
PASS_ROLE = (
    "User: arn:aws:iam::123456789012:user/u is not authorized to perform: iam:PassRole on resource: "
    "arn:aws:iam::123456789012:role/x because no identity-based policy allows the iam:PassRole action"
)
DENIED = "User: arn:aws:iam::123456789012:user/u is not authorized to perform: sagemaker:CreateTrainingJob on resource"
QUOTA = (
    "The account-level service limit 'ml.m5.large for training job usage' is 0 Instances, with current use of "
    "0 Instances and a request delta of 1 Instances. Please use AWS Service Quotas to request an increase."
)
NO_IMAGE = "Requested image 123456789012.dkr.ecr.eu-west-1.amazonaws.com/x:1 not found."
NO_REPOSITORY = "Cannot find repository: x in registry ID: 123456789012 Please check if your ECR repository exists"
NO_DATA = "Could not find model data at s3://bucket/m.tar.gz. Please ensure that the role has s3:GetObject permissions"


@pytest.mark.parametrize(
    ("code", "message", "remedy"),
    [
        ("ExpiredTokenException", "The security token included in the request is expired", "aws sso login"),
        ("UnrecognizedClientException", "The security token included in the request is invalid.", "check the keys"),
        ("InvalidSignatureException", "Signature expired: 20260101T000000Z is now earlier than", "the clock"),
        ("AccessDeniedException", DENIED, "have this action allowed"),
        ("AccessDeniedException", PASS_ROLE, "have iam:PassRole on this role allowed"),
        ("ValidationException", ROLE_SAID, "give the ARN of a role that exists"),
        ("ValidationException", "RoleArn: Cross-account pass role is not allowed.", "give the ARN of a role"),
        ("ValidationException", NO_IMAGE, "build_and_push.sh"),
        ("ValidationException", NO_REPOSITORY, "build_and_push.sh"),
        ("ValidationException", NO_DATA, "check the s3:// address"),
        ("ValidationException", "No S3 objects found under S3 URL \"s3://bucket/x\"", "check the s3:// address"),
        ("ResourceLimitExceeded", QUOTA, "Service Quotas > Amazon SageMaker"),
        ("ThrottlingException", "Rate exceeded", "run again in a minute"),
        ("ResourceInUse", "Training job names must be unique within an AWS account and region", "another name"),
        ("ValidationException", "Cannot create already existing model \"x\".", "another name"),
        ("ValidationException", "Requested resource not found.", "check the name and the region"),
        ("ValidationException", "1 validation error detected: Value at 'x'", "--help"),
    ],
)  # fmt: skip
def test_what_aws_refuses(code: str, message: str, remedy: str, scripts: Scripts, aws: ScriptedAws) -> None:
    """The remedy fits, and AWS's own words stand before it, except where they say less."""
    aws.answer("CreateTrainingJob", refusal(code, message))
    said = the_line(scripts, "train", *TRAIN)
    cause, _, hint = said.rpartition("; ")
    assert remedy in said
    if "ption" in code and code not in (
        "ExpiredTokenException",
        "UnrecognizedClientException",
        "InvalidSignatureException",
    ):
        assert message.rstrip(".") in cause
    assert hint


def test_the_models_own_words(scripts: Scripts, aws: ScriptedAws) -> None:
    """As they are: one line of JSON, which AWS quotes within a sentence of its own."""
    body = '{"error":"expected 79 or 81 values per row, got 3; send \'area\' and 78 more"}'
    quoted = body.replace('"', '\\"')
    fields = {
        "Message": f'Received client error (400) from primary with message "{quoted}". See https://eu-west-1… for.',
        "OriginalMessage": body,
        "OriginalStatusCode": 400,
        "LogStreamArn": "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/Endpoints/e",
    }
    aws.answer("InvokeEndpoint", Answer(fields, 424, "ModelError"))
    (scripts.folder / "rows.csv").write_text("1,2,3\n")
    assert the_line(scripts, "predict", "--endpoint-name", "e", "rows.csv") == f"the model answers 400: {body}"


def test_a_model_without_words(scripts: Scripts, aws: ScriptedAws) -> None:
    """Where the container has not answered, AWS's own words are all there is."""
    message = "Received server error (0) from primary: the invocation timed out"
    aws.answer("InvokeEndpoint", Answer({"Message": message}, 424, "ModelError"))
    (scripts.folder / "rows.csv").write_text("1,2,3\n")
    assert message in the_line(scripts, "predict", "--endpoint-name", "e", "rows.csv")


def test_a_job_without_a_model(scripts: Scripts, aws: ScriptedAws) -> None:
    aws.answer("DescribeTrainingJob", Answer({"AlgorithmSpecification": {}, "RoleArn": "r", "ModelArtifacts": {}}))
    assert the_line(scripts, "deploy", "--training-job-name", "j") == (
        "j has written no model; wait for it: train.py --wait NAME"
    )


def test_nothing_to_make_a_model_of(scripts: Scripts) -> None:
    assert the_line(scripts, "deploy", "--model-data-url", "s3://bucket/m.tar.gz") == (
        "--image, --execution-role-arn: needed, or --training-job-name NAME, which tells them"
    )


@pytest.mark.parametrize(
    ("script", "arguments", "cause"),
    [
        ("train", ["--train", "s3://bucket/x/"], "--training-image, --role-arn, --s3-output-path: needed, except with"),
        ("train", ["--train", "bucket/x"], "argument --train: expected s3://BUCKET/…, got 'bucket/x'"),
        ("train", ["--train", "s3:///x"], "expected s3://BUCKET/…"),
        ("train", ["--hyper-parameters", "eta"], "expected NAME=VALUE, got 'eta'"),
        ("tune", ["--parameter-ranges", "eta=0.3:0.1"], "expected eta=MIN:MAX"),
        ("tune", ["--parameter-ranges", "eta=a:b"], "expected eta=MIN:MAX"),
        ("tune", ["--parameter-ranges", "eta=0.1:0.3:exp"], "SCALE being log, linear or reverselog"),
        ("tune", ["--parameter-ranges", "eta=1:2:log:3"], "expected eta=MIN:MAX"),
        ("tune", ["--parameter-ranges", "eta"], "expected NAME=VALUE"),
        ("deploy", ["--serverless", "--mode", "MultiModel"], "does not have --mode MultiModel; leave out one"),
        ("deploy", ["--serverless", "--max-capacity", "2", "--destination-s3-uri", "s3://bucket/c/"],
         "does not have --destination-s3-uri and --max-capacity"),
        ("batch", [], "--s3-uri, --s3-output-path: needed"),
    ],
)  # fmt: skip
def test_a_wrong_command_line(script: str, arguments: list[str], cause: str, bare: Scripts) -> None:
    done = bare.run(script, *arguments)
    assert done.returncode == 2
    assert cause in done.stderr
