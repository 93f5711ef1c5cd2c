"""What needs no Flask: /ping, and small CSV requests of plain numbers in the commonest form.

Each answer is, byte for byte, the one the application gives. Whatever is out of the ordinary, errors included,
is left to the application.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from container.contract.serving_env import ServingSettings
from container.data.fast_csv import FastCsv
from container.data.formats import ContentType
from container.errors import ContainerError
from container.model.predictor import Predictor
from container.serving import negotiation, replies

_WORK = 200_000
"""Trees walked, over all rows, for one request: about a millisecond, during which no other request is answered."""

_DECIDING = frozenset(
    {"ACCEPT", "CONNECTION", "CONTENT-LENGTH", "CONTENT-TYPE", "HOST", "USER-AGENT", "ACCEPT-ENCODING"}
)
"""Headers that are looked at here, or that the application does not look at."""
_HARMLESS = re.compile(
    r"X-AMZN?-(?!SAGEMAKER-CUSTOM-ATTRIBUTES$)[A-Z0-9-]+|ACCEPT-[A-Z]+|DATE|TRACEPARENT|AUTHORIZATION"
)
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]+)?")


class Reply(NamedTuple):
    """A reply of status 200 without headers of its own."""

    content_type: str
    body: bytes
    rows: int = 0


Handler = Callable[[bytes], Reply | None]
"""A request's body to its reply, None where the application must answer."""


class FastPath:
    """Answers for one model. Its work is short enough to be done between two events of a server's loop."""

    def __init__(self, predictor: Predictor, settings: ServingSettings) -> None:
        self._predictor, self._settings = predictor, settings
        self._default = negotiation.default_type(settings.default_accept)
        self._csv = FastCsv(predictor.schema)
        trees = predictor.trees
        special = settings.output or settings.placeholders or not settings.native
        self._rows = 0 if special or trees is None else max(1, _WORK // max(1, trees))

    def handler(self, method: str, target: str, headers: Sequence[tuple[str, str]]) -> Handler | None:
        """Who answers a request with this head, None where the application must.

        ``headers`` are those of a well-formed request, their names in capitals.
        """
        found = dict(headers)
        if len(found) < len(headers) or not _HOST.fullmatch(found.get("HOST", "")):
            return None
        if any(name not in _DECIDING and not _HARMLESS.fullmatch(name) for name in found):
            return None
        if (method, target) == ("GET", "/ping"):
            return _ping
        if (method, target) != ("POST", "/invocations") or not self._rows:
            return None
        try:
            media_type = negotiation.negotiate(found.get("ACCEPT"), self._default)
            content_type = ContentType.parse(found.get("CONTENT-TYPE"))
        except ContainerError:
            return None
        return lambda body: self._predict(body, content_type, media_type)

    def _predict(self, body: bytes, content_type: ContentType, media_type: str) -> Reply | None:
        if len(body) > self._settings.body_limit or body.count(b"\n") + body.count(b"\r") >= self._rows:
            return None
        matrix = self._csv.matrix(body, content_type)
        if matrix is None:
            return None
        answer = self._predictor.answer(matrix)
        return Reply(media_type, replies.encode(answer, media_type, newline=self._settings.batch), len(matrix))


def _ping(body: bytes) -> Reply | None:
    return None if body else Reply("text/plain", b"")
