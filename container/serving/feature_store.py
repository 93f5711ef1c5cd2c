"""SageMaker Feature Store's online store: records by their identifiers, through boto3's BatchGetRecord.

Sources: the API reference of BatchGetRecord (at most 100 identifiers a call; what was not found is in none of the
lists of the reply; UnprocessedIdentifiers are to be asked for again), and botocore's model of it.
"""

import logging
import random
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from itertools import batched
from threading import Lock
from typing import Any

from container.errors import ContainerError, DataError

BATCH = 100
"""Identifiers of one call, as many as the service takes."""

SECONDS = 20.0
"""In which all records of a request must have come; the platform gives a request 60."""

_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds before what was left unprocessed is asked for again; then it is given up."""

_NAME = re.compile(r"[a-zA-Z0-9]([-_]*[a-zA-Z0-9]){0,63}")
"""What a feature can be called; the service refuses a call that asks for anything else."""

_PASSING = ("InternalFailure", "InternalError", "InternalServerError", "ServiceUnavailable", "ThrottlingException")
"""Error codes of single records that are worth another try."""


class FeatureStoreError(ContainerError):
    """The Feature Store gave no answer; the request may be right."""

    status = HTTPStatus.BAD_GATEWAY


class FeatureStoreBusyError(FeatureStoreError):
    """It gave none in time; the same request may succeed later."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


class OnlineStore:
    """Looks records of one feature group up. For several threads; each process makes its own connections."""

    def __init__(self, group: str, region: str, connections: int) -> None:
        """``region`` may be empty: boto3's own ways of finding one are left then."""
        self._group, self._region, self._connections = group, region, connections
        self._made: Any = None
        self._turn = Lock()

    def records(self, identifiers: Iterable[str], features: Sequence[str]) -> dict[str, dict[str, str]]:
        """Identifier → feature → its value as text, for the identifiers that have a record.

        A record lacks the features that it has no value for. Of ``features`` those are asked for that a feature can
        be called.

        Raises:
            DataError: a value is a list.
            FeatureStoreError: the store cannot be asked, or explains why it does not answer.
        """
        wanted = [name for name in features if _NAME.fullmatch(name)]
        found: dict[str, dict[str, str]] = {}
        deadline = time.monotonic() + SECONDS
        for batch in batched(dict.fromkeys(identifiers), BATCH):
            left = list(batch)
            for pause in (0.0, *_PAUSES):
                time.sleep(pause * random.uniform(0.5, 1.0))
                if time.monotonic() > deadline:
                    break
                left = self._ask(left, wanted, found)
                if not left:
                    break
            if left:
                raise FeatureStoreBusyError(
                    f"the feature group {self._group!r} left {len(left)} of {len(batch)} records unprocessed, "
                    f"the first {left[0]!r}; send the request again later, or fewer records at once"
                )
        return found

    def _ask(self, identifiers: list[str], features: list[str], found: dict[str, dict[str, str]]) -> list[str]:
        """One call: adds to ``found``, and returns the identifiers to ask for again."""
        from botocore.exceptions import BotoCoreError, ClientError

        asked: dict[str, Any] = {"FeatureGroupName": self._group, "RecordIdentifiersValueAsString": identifiers}
        if features:
            asked["FeatureNames"] = features
        try:
            reply = self._client().batch_get_record(Identifiers=[asked])
        except (BotoCoreError, ClientError) as error:
            raise self._explained(error) from None
        for record in reply["Records"]:
            identifier = record["RecordIdentifierValueAsString"]
            found[identifier] = dict(_values(record["Record"], identifier))
        again = [one for part in reply["UnprocessedIdentifiers"] for one in part["RecordIdentifiersValueAsString"]]
        for refused in reply["Errors"]:
            identifier, code = refused["RecordIdentifierValueAsString"], refused["ErrorCode"]
            if code not in _PASSING:
                raise FeatureStoreError(
                    f"the feature group {self._group!r} refused the record {identifier!r}: "
                    f"{code}: {refused['ErrorMessage']}; look at the endpoint's role and at the group"
                )
            again.append(identifier)
        return again

    def _client(self) -> Any:
        """Made at the first request, not before a fork: workers must not share connections."""
        with self._turn:
            if self._made is None:
                import boto3
                from botocore.config import Config

                logging.getLogger("botocore").setLevel(logging.WARNING)  # it tells where it found what
                self._made = boto3.session.Session().client(
                    "sagemaker-featurestore-runtime",
                    region_name=self._region or None,
                    config=Config(
                        connect_timeout=2,
                        read_timeout=5,
                        retries={"mode": "standard", "total_max_attempts": 3},
                        max_pool_connections=self._connections,
                    ),
                )
            return self._made

    def _explained(self, error: Exception) -> FeatureStoreError:
        """What boto3 says, on one line, and what to do about it."""
        from botocore import exceptions

        said = " ".join(str(error).split())
        code = str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
        status = getattr(error, "response", {}).get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        kind: type[FeatureStoreError] = FeatureStoreError
        if "hrottl" in code or code == "TooManyRequestsException" or status in (429, 503):
            kind, remedy = FeatureStoreBusyError, "send the request again later"
        elif isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
            remedy = "give the model an execution role, and no network isolation"
        elif isinstance(error, exceptions.NoRegionError):
            remedy = "set AWS_REGION to the group's region"
        elif isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError):
            kind = FeatureStoreBusyError
            remedy = "AWS_REGION must be the group's, and the endpoint's network must reach it; isolation forbids that"
        elif "Access" in code or "Token" in code or "Signature" in code:
            remedy = "the endpoint's role needs sagemaker:BatchGetRecord on the group"
        else:
            remedy = "FEATURE_GROUP_NAME and AWS_REGION must be of an online group that has the model's columns"
        return kind(f"the feature group {self._group!r} cannot be asked: {said}; {remedy}")


def _values(record: Iterable[Mapping[str, Any]], identifier: str) -> Iterable[tuple[str, str]]:
    for value in record:
        name = value["FeatureName"]
        if "ValueAsStringList" in value:
            raise DataError(
                f"the feature {name!r} of the record {identifier!r} is a list, which no column holds",
                "send a value for it in the request",
            )
        if "ValueAsString" in value:
            yield name, value["ValueAsString"]
