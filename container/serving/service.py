"""One model at work for requests: content types, keys and bodies in, replies out. Nothing here knows of routes."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from http import HTTPStatus
from threading import Semaphore
from typing import Protocol

from container.contract.resources import usable_cpus
from container.contract.serving_env import ServingSettings, output_keys
from container.data.fast_csv import FastCsv
from container.data.formats import ContentType, read_request, with_hint
from container.data.rows import Rows
from container.errors import DataError, UserError
from container.model.evidence import Matrix
from container.model.predictor import Predictor
from container.model.values import Answer
from container.serving import negotiation, readable, replies
from container.serving.replies import Present
from container.serving.worker.limits import LARGE


@dataclass(frozen=True)
class Asked:
    """What the head of a request says: its headers Content-Type, Accept, and the platform's custom attributes."""

    content_type: str | None = None
    accept: str | None = None
    attributes: str = ""


@dataclass(frozen=True)
class Reply:
    """The body of a reply and its headers, of which one may come several times, as Set-Cookie does.

    The status is 200 unless the user's own code sets another.
    """

    body: bytes
    content_type: str
    headers: Sequence[tuple[str, str]] = ()
    status: int = HTTPStatus.OK
    rows: int = 0
    """How many the body has, for those who count."""


Handler = Callable[[bytes], Reply]
"""A request's body to its reply. Raises ContainerError where the body cannot be answered."""


class Service(Protocol):
    """What answers requests for one model; from several threads at once."""

    def prepare(self, asked: Asked) -> Handler:
        """Who answers the body of a request with this head.

        Raises:
            ContainerError: whatever the body, it cannot be answered; the message says why, and what would be.
        """


def turns(settings: ServingSettings) -> Semaphore:
    """As many large requests at once as keep this worker's share of the CPUs busy."""
    return Semaphore(max(1, usable_cpus() // settings.workers))


class ModelService:
    """Answers with a `Predictor`."""

    def __init__(self, predictor: Predictor, settings: ServingSettings, shared: Semaphore | None = None) -> None:
        """``shared`` are the `turns` of all the services of a process, where there are several.

        Raises:
            UserError: the default content type of replies is none that can be written, or the keys to reply with are
                none the model has.
        """
        self._predictor, self._settings, self._turns = predictor, settings, shared or turns(settings)
        self._default = negotiation.default_type(settings.default_accept)
        if settings.output:
            try:
                predictor.outputs.check(settings.output)
            except UserError as error:
                raise UserError(f"SAGEMAKER_INFERENCE_OUTPUT: {error}") from None
            predictor.prepare(settings.output)
        self._csv = FastCsv(predictor.schema, usable_cpus()) if settings.native else None

    def prepare(self, asked: Asked) -> Handler:
        media_type = negotiation.negotiate(asked.accept, self._default)
        content_type = ContentType.parse(asked.content_type)
        keys = self._keys(asked.attributes)

        def handler(body: bytes) -> Reply:
            if not body and self._settings.batch and media_type in (negotiation.CSV, negotiation.JSON_LINES):
                return Reply(b"", media_type, rows=0)  # a file of no rows among many is no reason to fail the job
            with self._turns if len(body) > LARGE else nullcontext():
                answer, present = self._answer(body, content_type, keys)
                data = replies.encode(answer, media_type, present=present, newline=self._settings.batch)
                rows = len(next(iter(answer.values())).array) if present is None else len(present)
                return Reply(data, media_type, rows=rows)

        return handler

    def prepare_rows(self, asked: Asked) -> Callable[[Matrix], Reply]:
        """Who answers rows that are as the model takes them, in the form a request with this head asks for.

        Raises:
            ContainerError: as for `prepare`.
        """
        media_type = negotiation.negotiate(asked.accept, self._default)
        keys = self._keys(asked.attributes)

        def handler(matrix: Matrix) -> Reply:
            answer = self._predictor.answer(matrix, keys)
            data = replies.encode(answer, media_type, newline=self._settings.batch)
            return Reply(data, media_type, rows=matrix.shape[0])

        return handler

    def _keys(self, attributes: str) -> tuple[str, ...]:
        """The keys asked for: by ``output=…`` among the request's attributes, else by the setting."""
        for attribute in attributes.split(";") if "output" in attributes else ():
            name, equals, value = attribute.partition("=")
            if name.strip() == "output" and equals:
                keys = output_keys(value)
                self._predictor.outputs.check(keys)
                return keys
        return self._settings.output

    def _answer(self, body: bytes, content_type: ContentType, keys: tuple[str, ...]) -> tuple[Answer, Present]:
        """The answer, and which rows it is for, None where it is for all."""
        predictor = self._predictor
        try:
            if self._settings.placeholders and (rows := Rows.split(body, content_type, predictor.schema)):
                return readable.answer(predictor, rows, keys)
            if self._csv is None or (matrix := self._csv.matrix(body, content_type)) is None:
                table = read_request(body, content_type, predictor.schema)
                return predictor.answer(predictor.encode(table), keys), None
            return predictor.answer(matrix, keys), None
        except DataError as error:
            raise with_hint(error, body, content_type) from None
