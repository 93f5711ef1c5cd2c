"""AWS's control plane with some of its answers written down: the rest is moto's, and all requests are kept."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response


@dataclass(frozen=True)
class Answer:
    """A reply: the fields of the operation's output, or an error's code and message, or bytes; and its headers."""

    fields: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    code: str = ""
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        fields = {"__type": self.code, **self.fields} if self.code else self.fields
        body = json.dumps(fields).encode() if self.body is None else self.body
        headers = self.headers | ({"x-amzn-ErrorType": self.code} if self.code else {})
        return Response(body, self.status, headers, content_type="application/json")


def refusal(code: str, message: str, status: int = 400) -> Answer:
    """An error, as AWS's JSON services answer it."""
    return Answer({"message": message, "Message": message}, status, code)


class ScriptedAws:
    """A WSGI application in front of moto's server at ``moto``."""

    def __init__(self, moto: str) -> None:
        self._moto = moto
        self.requests: list[tuple[str, dict[str, Any]]] = []
        """Operation and request, such as ``("CreateModel", {"ModelName": …})``, in the order they came."""
        self._answers: dict[str, list[Answer]] = {}

    def answer(self, operation: str, *answers: Answer) -> None:
        """Answer the operation so, one after another, and the last one for good."""
        self._answers[operation] = list(answers)

    def forget(self) -> None:
        """As at the start, but for moto's state."""
        self.requests.clear()
        self._answers.clear()

    def sent(self, operation: str) -> list[dict[str, Any]]:
        """The requests for this operation."""
        return [request for name, request in self.requests if name == operation]

    def __call__(self, environ: Any, start: Any) -> Any:
        request = Request(environ)
        operation, fields = _operation(request)
        self.requests.append((operation, fields))
        answers = self._answers.get(operation)
        if answers:
            response = (answers.pop(0) if len(answers) > 1 else answers[0]).response()
        else:
            response = self._forward(request)
        return response(environ, start)

    def _forward(self, request: Request) -> Response:
        headers = {
            name: value for name, value in request.headers if name not in ("Content-Length", "Transfer-Encoding")
        }
        url = f"{self._moto}{request.full_path if request.query_string else request.path}"
        reply = requests.request(request.method, url, headers=headers, data=request.get_data(), timeout=30)
        kept = {
            name: value for name, value in reply.headers.items() if name.lower().startswith(("x-amz", "content-type"))
        }
        return Response(reply.content, reply.status_code, kept)


def _operation(request: Request) -> tuple[str, dict[str, Any]]:
    if target := request.headers.get("X-Amz-Target"):
        return target.rpartition(".")[2], json.loads(request.get_data() or b"{}")
    if found := re.fullmatch(r"/endpoints/([^/]+)/(async-)?invocations", request.path):
        fields = {"EndpointName": found[1], "Body": request.get_data(), "Headers": dict(request.headers)}
        return "InvokeEndpointAsync" if found[2] else "InvokeEndpoint", fields
    return f"{request.method} {request.path}", {"Body": request.get_data()}


@contextmanager
def scripted_aws(moto: str) -> Iterator[tuple[str, ScriptedAws]]:
    """The URL to put in AWS_ENDPOINT_URL, and what answers there until the block ends."""
    aws = ScriptedAws(moto)
    server = make_server("127.0.0.1", 0, aws, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", aws
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
