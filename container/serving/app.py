"""The Flask application: SageMaker's routes, and nothing that knows how a row is read or a score is written."""

from contextlib import nullcontext
from http import HTTPStatus
from threading import Semaphore

from flask import Flask, Response, jsonify, request

from container.contract.resources import usable_cpus
from container.contract.serving_env import ServingSettings, output_keys
from container.data.fast_csv import FastCsv
from container.data.formats import ContentType, read_request, with_hint
from container.data.rows import Rows
from container.errors import DataError, UserError
from container.model.predictor import Predictor
from container.model.values import Answer
from container.serving import failures, negotiation, readable, replies
from container.serving.body import read_body
from container.serving.replies import Present

_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
_LARGE = 256 * 1024
"""Bytes from which a request takes its turn: a few keep the CPUs busy, and the rest must not starve /ping."""
_TRANSFORM_BYTES = 100 * 1024**2
"""Batch transform refuses more than this as MaxConcurrentTransforms x MaxPayloadInMB."""


def create_app(predictor: Predictor, settings: ServingSettings) -> Flask:
    """The routes for one model.

    Raises:
        UserError: the default content type of replies is none that can be written, or the keys to reply with are
            none the model has.
    """
    app = Flask(__name__, static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    default = negotiation.default_type(settings.default_accept)
    if settings.output:
        try:
            predictor.outputs.check(settings.output)
        except UserError as error:
            raise UserError(f"SAGEMAKER_INFERENCE_OUTPUT: {error}") from None
    csv = FastCsv(predictor.schema) if settings.native else None
    turns = Semaphore(max(1, usable_cpus() // settings.workers))
    failures.register(app)

    @app.get("/ping")
    def ping() -> Response:
        return Response(status=HTTPStatus.OK, content_type="text/plain")

    @app.get("/execution-parameters")
    def execution_parameters() -> Response:
        return jsonify(transform_parameters(settings))

    @app.post("/invocations")
    def invocations() -> Response:
        media_type = negotiation.negotiate(request.headers.get("Accept"), default)
        content_type = ContentType.parse(request.headers.get("Content-Type"))
        attributes = request.headers.get(_ATTRIBUTES, "")
        keys = _keys(attributes, predictor, settings)
        body = read_body(request, settings)
        with turns if len(body) > _LARGE else nullcontext():
            answer, present = _answer(predictor, csv, body, content_type, keys, settings)
            text = replies.encode(answer, media_type, present=present, newline=settings.batch)
        reply = Response(text, content_type=media_type)
        if attributes and len(attributes) <= 1024 and attributes.isascii() and attributes.isprintable():
            reply.headers[_ATTRIBUTES] = attributes
        return reply

    return app


def _keys(attributes: str, predictor: Predictor, settings: ServingSettings) -> tuple[str, ...]:
    """The keys asked for: by ``output=…`` among the request's attributes, else by the setting."""
    for attribute in attributes.split(";") if "output" in attributes else ():
        name, equals, value = attribute.partition("=")
        if name.strip() == "output" and equals:
            keys = output_keys(value)
            predictor.outputs.check(keys)
            return keys
    return settings.output


def _answer(
    predictor: Predictor,
    csv: FastCsv | None,
    body: bytes,
    content_type: ContentType,
    keys: tuple[str, ...],
    settings: ServingSettings,
) -> tuple[Answer, Present]:
    """The answer, and which rows it is for, None where it is for all."""
    try:
        if settings.placeholders and (rows := Rows.split(body, content_type, predictor.schema)):
            return readable.answer(predictor, rows, keys)
        if csv is None or (matrix := csv.matrix(body, content_type)) is None:
            return predictor.answer(predictor.encode(read_request(body, content_type, predictor.schema)), keys), None
        return predictor.answer(matrix, keys), None
    except DataError as error:
        raise with_hint(error, body, content_type) from None


def transform_parameters(settings: ServingSettings) -> dict[str, str | int]:
    """What batch transform asks before it starts: how much to send at once, and how many requests in parallel."""
    megabytes = min(settings.batch_payload_mb, _TRANSFORM_BYTES // 1024**2)
    return {
        "MaxConcurrentTransforms": max(1, min(settings.workers, _TRANSFORM_BYTES // 1024**2 // megabytes)),
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": megabytes,
    }
