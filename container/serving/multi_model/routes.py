"""The routes of a multi-model endpoint: SageMaker's contract for containers that hold several models.

Source: AWS's developer guide, "Contract for custom containers to serve multiple models"; the query parameters of
``GET /models`` are those of AWS's multi-model-server.
"""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, NoReturn

import orjson
from flask import Flask, Response, request
from werkzeug.routing import BaseConverter

from container.contract.serving_env import ServingSettings
from container.errors import UserError
from container.serving import app as single
from container.serving.body import read_body
from container.serving.metrics import Metrics
from container.serving.multi_model import names
from container.serving.multi_model.control import Control
from container.serving.multi_model.models import Models
from container.serving.multi_model.registry import Entry
from container.serving.service import Asked

_PAGE = 100
"""Models in a reply to GET /models, unless fewer are asked for."""


class _Name(BaseConverter):
    """A model's name: all of the path that is left, slashes included, percent-encoded."""

    regex = ".+?"
    part_isolating = False


class _NoModel:
    """What answers POST /invocations."""

    def prepare(self, asked: Asked) -> NoReturn:
        raise UserError(
            "this is a multi-model endpoint, and the request names no model; send POST /models/{name}/invoke, or, "
            "through SageMaker, the header X-Amzn-SageMaker-Target-Model"
        )


def create_app(control: Control, models: Models, settings: ServingSettings, metrics: Metrics | None = None) -> Flask:
    """The routes for one model, of which /invocations is refused, and those for many."""
    app = single.create_app(_NoModel(), settings, metrics)
    app.config["PATHS"] = "/models, /models/{name}, /models/{name}/invoke or GET /ping"
    app.url_map.merge_slashes = False
    app.url_map.converters["name"] = _Name
    app.wsgi_app = _EncodedNames(app.wsgi_app)  # type: ignore[method-assign]

    @app.get("/models")
    def list_models() -> Response:
        limit = min(_query("limit", 1) or _PAGE, _PAGE)
        entries, last = control.page(limit, _query("next_page_token", 0) or 0)
        page: dict[str, Any] = {"models": [_shown(entry) for entry in entries]}
        return _json(page if last is None else {**page, "nextPageToken": str(last)})

    @app.post("/models")
    def load() -> Response:
        return _json(_shown(control.load(*_asked(read_body(request, settings)))))

    @app.get("/models/<name:name>")
    def describe(name: str) -> Response:
        return _json(_shown(control.entry(names.decoded(name))))

    @app.delete("/models/<name:name>")
    def unload(name: str) -> Response:
        return _json(_shown(control.unload(names.decoded(name))))

    @app.post("/models/<name:name>/invoke")
    def invoke(name: str) -> Response:
        return single.answered(models.service(names.decoded(name)), settings)

    return app


class _EncodedNames:
    """Has the router see names as they were sent."""

    def __init__(self, app: Callable[[dict[str, Any], Any], Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = names.encoded_path(environ)
        if path is not None:
            environ["PATH_INFO"] = path  # not in a copy: the server reads what the application writes there
        return self._app(environ, start_response)


def _asked(body: bytes) -> tuple[str, str]:
    """The name and the URL of a model to load.

    Raises:
        UserError: the body does not say them.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UserError(f'the body is not JSON: {error}; send {{"model_name": …, "url": …}}') from None
    fields = [found.get(field) if isinstance(found, dict) else None for field in ("model_name", "url")]
    name, url = fields
    if not isinstance(name, str) or not isinstance(url, str) or not url:
        missing = "model_name" if not isinstance(name, str) else "url"
        raise UserError(f'the body has no text for {missing!r}; send {{"model_name": …, "url": …}}')
    return names.checked(name), url


def _query(parameter: str, least: int) -> int | None:
    """Raises UserError where the parameter is there and is no whole number, or less than ``least``."""
    text = request.args.get(parameter, "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18 or int(text) < least:
        raise UserError(f"{parameter} must be a whole number of at least {least}, got {text[:200]!r}")
    return int(text)


def _shown(entry: Entry) -> dict[str, str]:
    return {"modelName": entry.name, "modelUrl": entry.url}


def _json(content: dict[str, Any]) -> Response:
    return Response(orjson.dumps(content), HTTPStatus.OK, content_type="application/json")
