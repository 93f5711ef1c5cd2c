"""The service that a user's script and this image make together."""

import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from threading import Lock
from typing import Any, NamedTuple

from gunicorn.http.message import TOKEN_RE
from gunicorn.util import is_hoppish

from container.contract.inference_code import InferenceCode
from container.contract.serving_env import ServingSettings
from container.errors import ContainerError, NotAcceptableError
from container.model.artifact import Artifact
from container.model.predictor import Predictor
from container.serving import negotiation
from container.serving.scripted import encoders
from container.serving.scripted.hooks import HookError, Hooks
from container.serving.scripted.pipeline import Pipeline, as_given, named_type
from container.serving.service import Asked, Handler, ModelService, Reply, Service

log = logging.getLogger(__name__)


class Own(NamedTuple):
    """This image's own model at work: ``rows`` answers what input_fn returned, ``whole`` where there is no hook."""

    artifacts: Sequence[Artifact]
    predictor: Predictor
    rows: ModelService
    whole: Service


class ScriptedService:
    """Answers through the hooks of a script; a script without any leaves all to ``own``.

    Before it answers, `load` must have run in the same process. Hooks are called by one thread at a time, as in AWS's
    image: scripts rely on it.
    """

    def __init__(
        self,
        code: InferenceCode,
        model_folder: str,
        settings: ServingSettings,
        own: Own | None,
        without: ContainerError | None = None,
    ) -> None:
        """``own`` is None where the script has a model_fn, or the folder no model; what to say then is ``without``."""
        self._code, self._model_folder, self._settings = code, model_folder, settings
        self._own, self._without = own, without
        self._pipeline: Pipeline | None = None
        self._hooks = Hooks(code, {})
        self._turn = Lock()

    def load(self) -> bool:
        """Import the script and load its model; whether it has hooks.

        Raises:
            ContainerError: the server cannot start, and why.
        """
        self._hooks = Hooks.load(self._code)
        found = ", ".join(self._hooks.found)
        if "model_fn" not in self._hooks and self._without is not None:
            raise self._without
        if found:
            boosters, own = [], None
            if self._own is not None and "model_fn" not in self._hooks:
                boosters, own = [one.booster for one in self._own.artifacts], self._own.predictor
            self._pipeline = Pipeline(self._hooks, self._model_folder, boosters, own)
        log.info("%s: %s", self._code.script.name, found or "no hooks, so that this image answers as without it")
        return bool(found)

    def prepare(self, asked: Asked) -> Handler:
        pipeline = self._pipeline
        if pipeline is None:
            assert self._own is not None
            return self._own.whole.prepare(asked)
        if pipeline.answers_rows:
            assert self._own is not None
            answer = self._own.rows.prepare_rows(asked)
            return lambda body: answer(pipeline.rows(self._locked(pipeline.data, body, asked.content_type)))
        accept = self._accept(asked.accept)
        if not self._hooks.found.keys() & {"output_fn", "transform_fn"} and accept != encoders.NPY:
            negotiation.negotiate(accept)  # refuses before the work what could not be written after it
        return lambda body: self._locked(self._answer, pipeline, body, asked.content_type, accept)

    def _locked(self, work: Any, *arguments: Any) -> Any:
        with self._turn:
            return work(*arguments)

    def _answer(self, pipeline: Pipeline, body: bytes, content_type: str | None, accept: str) -> Reply:
        if "transform_fn" in self._hooks:
            given = as_given(body, content_type), named_type(body, content_type)
            return self._reply("transform_fn", self._hooks.call("transform_fn", pipeline.model, *given, accept), accept)
        prediction = pipeline.prediction(pipeline.data(body, content_type))
        rows = _rows(prediction)
        if "output_fn" in self._hooks:
            reply = self._reply("output_fn", self._hooks.call("output_fn", prediction, accept), accept)
            return replace(reply, rows=rows)
        return Reply(encoders.write(prediction, accept, newline=self._settings.batch), accept, rows=rows)

    def _reply(self, hook: str, returned: Any, accept: str) -> Reply:
        reply = self._made(hook, returned, accept)
        if wrong := _unsendable(reply):
            raise HookError(f"{hook} of {self._code.script.name} returned {wrong}")
        return reply

    def _made(self, hook: str, returned: Any, accept: str) -> Reply:
        """What a hook may return: a body, a body with its content type, or a response of Flask's."""
        if isinstance(returned, tuple) and len(returned) == 2:
            returned, accept = returned[0], accept if returned[1] is None else str(returned[1])
        if isinstance(returned, str):
            return Reply(self._hooks.within(hook, returned.encode), accept)
        if isinstance(returned, bytes | bytearray | memoryview):
            return Reply(bytes(returned), accept)
        if callable(getattr(returned, "get_data", None)) and isinstance(getattr(returned, "status_code", None), int):
            body, headers = self._hooks.within(hook, _content, returned), _passed_on(returned.headers)
            return Reply(body, returned.content_type or accept, headers, returned.status_code)
        if isinstance(returned, list | dict):
            try:
                return Reply(encoders.to_json(returned), accept)
            except TypeError as error:
                raise HookError(f"{hook} of {self._code.script.name} returned what is no JSON: {error}") from None
        if hasattr(returned, "__array__"):
            return Reply(encoders.write(returned, accept, newline=self._settings.batch), accept)
        raise HookError(
            f"{hook} of {self._code.script.name} returned a {type(returned).__name__}; "
            "return text, bytes, a pair of either and its content type, or a Response"
        )

    def _accept(self, accept: str | None) -> str:
        """The one content type that hooks are told to answer in: that of Accept where it is one, as it was sent."""
        default = self._code.accept
        accept = (accept or "").strip()
        if accept in ("", "*", "*/*"):
            return default
        if not re.search(r"[,*]|;\s*q\s*=", accept):
            return accept
        try:
            return negotiation.negotiate(accept, default if default in negotiation.OFFERED else negotiation.JSON)
        except NotAcceptableError:
            return accept.partition(",")[0].partition(";")[0].strip()


def _rows(prediction: Any) -> int:
    """How many there are predictions for: those of a list or an array; of anything else nobody knows."""
    if isinstance(prediction, list | tuple):
        return len(prediction)
    shape = getattr(prediction, "shape", None)
    return int(shape[0]) if isinstance(shape, tuple) and shape else 0


def _unsendable(reply: Reply) -> str:
    """What no server could send of a reply, in words; empty where all can be."""
    if not 200 <= reply.status <= 599:
        return f"the status {reply.status}; return one from 200 to 599"
    for name, value in (("Content-Type", reply.content_type), *reply.headers):
        if not TOKEN_RE.fullmatch(name):
            return f"{name!r} as a header's name, which holds letters, digits and hyphens"
        if not value.isprintable() or max(value, default="") > "\xff":
            return f"{value!r} as {name}, which no header can hold; return printable Latin-1"
    return ""


def _content(response: Any) -> bytes:
    """The whole body of a response, which the user's code may make piece by piece or read from a file."""
    if getattr(response, "direct_passthrough", False):  # as of flask.send_file
        response.direct_passthrough = False
    try:
        return bytes(response.get_data())
    finally:
        if callable(close := getattr(response, "close", None)):
            close()


def _passed_on(headers: Any) -> list[tuple[str, str]]:
    """The headers that are neither about the body nor about the connection, which is not the script's."""
    own = ("content-type", "content-length")
    return [(name, value) for name, value in headers.items() if name.lower() not in own and not is_hoppish(name)]
