"""The Flask application: SageMaker's routes, and nothing that knows how a row is read or a score is written."""

from http import HTTPStatus

from flask import Flask, Response, jsonify, request
from werkzeug.datastructures import Headers

from container.contract.serving_env import ServingSettings
from container.serving import failures
from container.serving.body import read_body
from container.serving.metrics import CONTENT_TYPE, Metrics
from container.serving.seen import ROWS
from container.serving.service import Asked, Service

_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
_TRANSFORM_BYTES = 100 * 1024**2
"""Batch transform refuses more than this as MaxConcurrentTransforms x MaxPayloadInMB."""


def create_app(service: Service, settings: ServingSettings, metrics: Metrics | None = None) -> Flask:
    """The routes for one model, and one for the metrics where there are some."""
    app = Flask(__name__, static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    failures.register(app)

    @app.get("/ping")
    def ping() -> Response:
        return Response(status=HTTPStatus.OK, content_type="text/plain")

    @app.get("/execution-parameters")
    def execution_parameters() -> Response:
        return jsonify(transform_parameters(settings))

    @app.post("/invocations")
    def invocations() -> Response:
        return answered(service, settings)

    if metrics is not None:
        app.add_url_rule("/metrics", view_func=lambda: Response(metrics.text(), content_type=CONTENT_TYPE))
    return app


def answered(service: Service, settings: ServingSettings) -> Response:
    """The reply to the present request; the request's custom attributes go back with it."""
    attributes = request.headers.get(_ATTRIBUTES, "")
    asked = Asked(request.headers.get("Content-Type"), request.headers.get("Accept"), attributes)
    handler = service.prepare(asked)
    found = handler(read_body(request, settings))
    request.environ[ROWS] = found.rows
    reply = Response(found.body, found.status, content_type=found.content_type)
    if attributes and len(attributes) <= 1024 and attributes.isascii() and attributes.isprintable():
        reply.headers[_ATTRIBUTES] = attributes
    reply.headers.update(Headers(found.headers))  # whose names replace the same ones, and may repeat
    return reply


def transform_parameters(settings: ServingSettings) -> dict[str, str | int]:
    """What batch transform asks before it starts: how much to send at once, and how many requests in parallel."""
    megabytes = min(settings.batch_payload_mb, _TRANSFORM_BYTES // 1024**2)
    return {
        "MaxConcurrentTransforms": max(1, min(settings.workers, _TRANSFORM_BYTES // 1024**2 // megabytes)),
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": megabytes,
    }
