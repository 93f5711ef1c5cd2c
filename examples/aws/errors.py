"""AWS's errors as one line: the cause, and what to do about it."""

from __future__ import annotations

import re

from botocore import exceptions
from botocore.exceptions import ClientError

SIGN_IN = "run aws configure, or aws sso login, or set AWS_PROFILE"
ROLE = "give the ARN of a role that exists and that sagemaker.amazonaws.com may assume"
IMAGE = "push it with build_and_push.sh and give the address that it prints; the region must be the same"
UNREACHABLE = "AWS cannot be reached ({}); check the network, and that the region is spelled right"

# What botocore raises before AWS is asked: the first that fits.
LOCAL = [
    (exceptions.NoRegionError, "no AWS region; give --region NAME or set AWS_REGION"),
    (exceptions.ProfileNotFound, "{}; aws configure list-profiles shows those there are"),
    (exceptions.SSOError, "the sign-in has expired ({}); run aws sso login"),
    (exceptions.TokenRetrievalError, "the sign-in has expired ({}); run aws sso login"),
    (exceptions.NoCredentialsError, f"no AWS credentials; {SIGN_IN}"),
    (exceptions.PartialCredentialsError, f"no AWS credentials ({{}}); {SIGN_IN}"),
    (exceptions.CredentialRetrievalError, f"no AWS credentials ({{}}); {SIGN_IN}"),
    (exceptions.HTTPClientError, UNREACHABLE),
    (exceptions.ConnectionError, UNREACHABLE),
]

# What AWS answers, by its error code and message: the first that fits.
REMOTE = [
    (r"ExpiredToken|RequestExpired", "the AWS credentials have expired; run aws sso login, or renew the keys"),
    (
        r"InvalidClientTokenId|UnrecognizedClient|InvalidAccessKeyId|SignatureDoesNotMatch|InvalidSignature|AuthFailure"
        r"|IncompleteSignature",
        f"AWS does not accept the credentials; check the keys and the clock: {SIGN_IN}",
    ),
    (r"AccessDenied.*iam:PassRole", "{}; have iam:PassRole on this role allowed to you"),
    (r"AccessDenied|NotAuthorized|Forbidden", "{}; have this action allowed, to you or to the role it names"),
    (
        r"ResourceLimitExceeded|LimitExceeded",
        "{}; ask for more under Service Quotas > Amazon SageMaker, or take another instance type or fewer instances",
    ),
    (r"Throttling|TooManyRequests|RequestLimit", "AWS is asked too often ({}); run again in a minute"),
    (r"InsufficientCapacity|capacity error", "{}; run again later, or take another instance type"),
    (r"ResourceInUse|already exist", "{}; choose another name, or remove what has it with clean_up.py"),
    (r"NoSuchBucket|model data|No S3 objects", "{}; check the s3:// address and its region"),
    (r"Requested image|\bECR\b|[Rr]epository", f"{{}}; {IMAGE}"),
    (r"(?i)could not find|not found|does not exist", "{}; check the name and the region"),
    (r"(?i)\brole\b|roleArn", f"{{}}; {ROLE}"),
    (r"", "{}; see --help for what is accepted"),
]


class ScriptError(Exception):
    """What went wrong and what to do about it, in one line."""


def explain(error: Exception) -> str:
    """The one line. ``error`` is a ScriptError, or what boto3 or the system raised."""
    line = " ".join(str(error).split())
    if isinstance(error, ClientError):
        answer = error.response["Error"]
        if answer.get("Code") == "ModelError":
            # The container's own reply: one line of JSON that says what is wrong.
            status, body = error.response.get("OriginalStatusCode"), error.response.get("OriginalMessage")
            return f"the model answers {status}: {' '.join(body.splitlines())}" if body else line
        said = f"{error.operation_name}: {' '.join(answer.get('Message', '').split()) or answer.get('Code')}"
        text = f"{answer.get('Code')} {said}"
        return next(remedy.format(said.rstrip(".")) for pattern, remedy in REMOTE if re.search(pattern, text))
    if isinstance(error, exceptions.BotoCoreError):
        return next((remedy.format(line.rstrip(".")) for kind, remedy in LOCAL if isinstance(error, kind)), line)
    return line
