"""A stand-in for SageMaker Feature Store's online store, on a loopback port.

It answers BatchGetRecord alone, and holds every request to botocore's model of it.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.session
from botocore.model import Shape
from botocore.validate import ParamValidator

Answer = tuple[int, dict[str, Any]]

VARIABLES = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_EC2_METADATA_DISABLED": "true"}
"""What a client needs besides the address."""


@dataclass
class Group:
    """One feature group; ``records`` by identifier, their values as text or lists of text.

    ``answers`` come first, one for each request, instead of what the records would give.
    """

    records: dict[str, dict[str, str | list[str]]]
    name: str = "houses"
    answers: list[Callable[[list[str]], Answer | None]] = field(default_factory=list)
    asked: list[list[str]] = field(default_factory=list)
    """The identifiers of each request so far."""
    features: list[list[str] | None] = field(default_factory=list)
    """The features each asked for, None where it named none."""
    url: str = ""

    def answer(self, request: dict[str, Any]) -> Answer:
        """Status and body for a request's body."""
        problems = _problems(request)
        if problems:
            return failure("ValidationException", "; ".join(problems), 400)
        (wanted,) = request["Identifiers"]
        if wanted["FeatureGroupName"] != self.name:
            return failure("ResourceNotFound", f"Feature group {wanted['FeatureGroupName']} not found", 404)
        identifiers = wanted["RecordIdentifiersValueAsString"]
        self.asked.append(identifiers)
        self.features.append(wanted.get("FeatureNames"))
        if self.answers and (special := self.answers.pop(0)(identifiers)):
            return special
        return 200, self.reply(identifiers, wanted.get("FeatureNames"))

    def reply(self, identifiers: list[str], features: list[str] | None = None) -> dict[str, Any]:
        """The reply that has the records there are, in an order of its own."""
        found = [
            {
                "FeatureGroupName": self.name,
                "RecordIdentifierValueAsString": identifier,
                "Record": [
                    {"FeatureName": name, "ValueAsString" if isinstance(value, str) else "ValueAsStringList": value}
                    for name, value in reversed(self.records[identifier].items())
                    if features is None or name in features
                ],
            }
            for identifier in reversed(identifiers)
            if identifier in self.records
        ]
        return {"Records": found, "Errors": [], "UnprocessedIdentifiers": []}

    def left(self, identifiers: list[str], count: int) -> dict[str, Any]:
        """A reply that leaves the last ``count`` identifiers unprocessed."""
        done, left = identifiers[:-count], identifiers[-count:]
        unprocessed = [{"FeatureGroupName": self.name, "RecordIdentifiersValueAsString": left}]
        return {**self.reply(done), "UnprocessedIdentifiers": unprocessed}


class Kept:
    """What `OnlineStore` does, from records in memory; ``asked`` are the calls so far."""

    def __init__(self, records: Mapping[str, Mapping[str, str]]) -> None:
        self.kept = records
        self.asked: list[tuple[list[str], list[str]]] = []

    def records(self, identifiers: Sequence[str], features: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        self.asked.append((list(identifiers), list(features)))
        return {
            identifier: {name: value for name, value in self.kept[identifier].items() if name in features}
            for identifier in identifiers
            if identifier in self.kept
        }


HOUSES = {
    "17": {"area": "100", "rooms": "3", "zone": "A", "class": "20", "sold": "2020-01-01", "garage": "true"},
    "18": {"area": "50.0", "rooms": "1", "zone": "C", "class": "60", "sold": "2019-02-01T00:00:00Z", "garage": "false"},
}
"""Records for the golden model houses."""


def failure(code: str, message: str, status: int) -> Answer:
    """An error of the whole call."""
    return status, {"__type": code, "Message": message}


@contextmanager
def online_store(group: Group) -> Iterator[Group]:
    """Serve the group until the block ends; its ``url`` is for AWS_ENDPOINT_URL_SAGEMAKER_FEATURESTORE_RUNTIME."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # http.server's name
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = group.answer(json.loads(body)) if self.path == "/BatchGetRecord" else (404, {})
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            if status >= 400:
                self.send_header("x-amzn-ErrorType", answer.get("__type", "UnknownError"))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    group.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield group
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _problems(request: dict[str, Any]) -> list[str]:
    """Where a request is not as the model of the service has it; botocore itself passes over the patterns."""
    model = botocore.session.get_session().get_service_model("sagemaker-featurestore-runtime")
    shape = model.operation_model("BatchGetRecord").input_shape
    report = ParamValidator().validate(request, shape)
    if report.has_errors():
        return [str(report.generate_report())]
    return list(_mismatches(request, shape))


def _mismatches(value: Any, shape: Shape) -> Iterator[str]:
    limit, pattern = shape.metadata.get("max"), shape.metadata.get("pattern")
    if limit is not None and len(value) > limit:
        yield f"{len(value)} are more than {limit} in {shape.name}"
    if pattern is not None and not re.fullmatch(pattern, value):
        yield f"{value!r} does not match {pattern}"
    if shape.type_name == "list":
        for item in value:
            yield from _mismatches(item, shape.member)
    elif shape.type_name == "structure":
        for name, item in value.items():
            yield from _mismatches(item, shape.members[name])
