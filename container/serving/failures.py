"""Errors to replies: always one line of JSON, ``{"error": "…"}``, never a stack."""

import logging
import uuid
from http import HTTPStatus

import orjson
from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from container.errors import ContainerError
from container.serving.body import discard_body
from container.serving.seen import request_id

log = logging.getLogger(__name__)

_LONGEST = 1500
"""Characters of a message; SageMaker passes on the first 2048 of a reply."""

_AGAIN = 5
"""Seconds after which what cannot be done now is worth another try: models that load, records that are throttled."""

_PATHS = "POST /invocations, GET /ping or GET /execution-parameters"


def register(app: Flask) -> None:
    """Answer every error the application can raise."""
    app.register_error_handler(ContainerError, _explained)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def one_line(text: str) -> str:
    """The text without line ends and control characters: what a request says must not look like a line of the log."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in " ".join(text.split())
    )


def error_body(message: str) -> bytes:
    """``{"error": …}`` with the message on one line, shortened where it quotes too much of the request."""
    message = " ".join(message.split())
    if len(message) > _LONGEST:
        message = f"{message[: _LONGEST * 2 // 3]} … {message[-_LONGEST // 3 :]}"
    return orjson.dumps({"error": message.encode(errors="replace").decode()})


def _explained(error: ContainerError) -> Response:
    reply = _refuse(str(error), error.status)
    if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        reply.headers["Retry-After"] = str(_AGAIN)
    return reply


def _http(error: HTTPException) -> Response:
    """What Flask itself refuses: no such path, or another method."""
    message = error.description or error.name
    if isinstance(error, NotFound):
        message = f"there is no {request.path}; send {current_app.config.get('PATHS', _PATHS)}"
    elif isinstance(error, MethodNotAllowed):
        message = f"{request.path} does not take {request.method}; send {' or '.join(_methods(error))}"
    reply = _refuse(message, error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    if isinstance(error, MethodNotAllowed):
        reply.headers["Allow"] = ", ".join(_methods(error))
    return reply


def _methods(error: MethodNotAllowed) -> list[str]:
    return sorted(set(error.valid_methods or ()) - {"HEAD"})


def _unexpected(error: Exception) -> Response:
    """A fault of this container: the traceback is for the log alone."""
    reference = _request_id()
    log.error("request %s (%s %s) failed", reference, request.method, one_line(request.path), exc_info=error)
    return _reply(f"internal error; see the log, request {reference}", HTTPStatus.INTERNAL_SERVER_ERROR)


def _refuse(message: str, status: int) -> Response:
    log.warning(
        "answered %s %s with %d: %s",
        request.method,
        one_line(request.path),
        status,
        one_line(message),
        extra={"request_id": _request_id()},
    )
    return _reply(message, status)


def _request_id() -> str:
    """The platform's id of the present request, or one made up."""
    return request_id({name.upper(): value for name, value in request.headers.items()}) or uuid.uuid4().hex[:12]


def _reply(message: str, status: int) -> Response:
    discard_body(request)
    return Response(error_body(message), status, content_type="application/json")
