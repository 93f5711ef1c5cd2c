"""What needs no Flask: /ping, CSV requests of plain numbers in the commonest form, and other small requests.

Each answer is, byte for byte, the one the application gives. Whatever is out of the ordinary, errors included,
is left to the application.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from container.contract.serving_env import ServingSettings
from container.data.fast_csv import FastCsv
from container.data.formats import ContentType, Format, read_request, sniff
from container.data.table import Table
from container.errors import ContainerError, DataError
from container.model.predictor import Predictor
from container.serving import negotiation, replies

_WORK = 200_000
"""Trees walked, over all rows, for one request: about a millisecond, during which no other request is answered."""
_SMALL, _CELLS = 4096, 256
"""Bytes, and commas and lines in them, that the ordinary readers take less time for than a thread and Flask do."""
_READ = frozenset({Format.CSV, Format.JSON, Format.JSON_LINES})
"""What they read into columns, and without threads."""

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


class Fast(Protocol):
    """What answers before the application is asked."""

    def handler(self, method: str, target: str, headers: Sequence[tuple[str, str]]) -> Handler | None:
        """Who answers a request with this head, None where the application must.

        ``headers`` are those of a well-formed request, their names in capitals.
        """


class Wanted(NamedTuple):
    """What a head says of the body, and the reply's media type."""

    content_type: ContentType
    media_type: str


def plain(headers: Sequence[tuple[str, str]]) -> dict[str, str] | None:
    """The headers by name, None where there is something out of the ordinary among them."""
    found = dict(headers)
    if len(found) < len(headers) or not _HOST.fullmatch(found.get("HOST", "")):
        return None
    if any(name not in _DECIDING and not _HARMLESS.fullmatch(name) for name in found):
        return None
    return found


def wanted(found: dict[str, str], default: str) -> Wanted | None:
    """What the headers of a request for predictions ask for, None where it is refused."""
    try:
        media_type = negotiation.negotiate(found.get("ACCEPT"), default)
        return Wanted(ContentType.parse(found.get("CONTENT-TYPE")), media_type)
    except ContainerError:
        return None


class FastPath:
    """Answers for one model. Its work is short enough to be done between two events of a server's loop."""

    def __init__(self, predictor: Predictor | None, settings: ServingSettings) -> None:
        """Without a predictor only /ping is answered."""
        self._predictor, self._settings = predictor, settings
        self._rows = 0
        if predictor is None:
            return
        self._default = negotiation.default_type(settings.default_accept)
        self._csv = FastCsv(predictor.schema)
        trees = predictor.trees
        special = settings.output or settings.placeholders or not settings.native
        self._rows = 0 if special or trees is None else max(1, _WORK // max(1, trees))

    def only_pings(self) -> None:
        """From now on leave all but /ping to the application."""
        self._rows = 0

    def handler(self, method: str, target: str, headers: Sequence[tuple[str, str]]) -> Handler | None:
        """See `Fast`."""
        found = plain(headers)
        if found is None:
            return None
        if (method, target) == ("GET", "/ping"):
            return ping
        if (method, target) != ("POST", "/invocations") or not self._rows:
            return None
        asked = wanted(found, self._default)
        return None if asked is None else lambda body: self.predict(body, asked)

    def predict(self, body: bytes, asked: Wanted) -> Reply | None:
        """The reply to a request for predictions, None where the application must answer."""
        rows = body.count(b"\n") + body.count(b"\r") + 1
        if len(body) > self._settings.body_limit or rows > self._rows:
            return None
        matrix = self._csv.matrix(body, asked.content_type)
        if matrix is None and len(body) <= _SMALL and rows + body.count(b",") <= _CELLS:
            matrix = self._read(body, asked.content_type)
        if matrix is None or len(matrix) > self._rows:
            return None
        assert self._predictor is not None
        answer = self._predictor.answer(matrix)
        return Reply(
            asked.media_type, replies.encode(answer, asked.media_type, newline=self._settings.batch), len(matrix)
        )

    def _read(self, body: bytes, content_type: ContentType) -> NDArray[np.float32] | None:
        """What the ordinary readers make of it; None where the application has something to say, or other readers.

        Not where there is a feature group, which may know more of a record.
        """
        if self._settings.feature_group or (content_type.format or sniff(body)) not in _READ:
            return None
        assert self._predictor is not None
        schema = self._predictor.schema
        try:
            table = read_request(body, content_type, schema)
            assert isinstance(table, Table)
            encoded = schema.encode(table)
        except DataError:
            return None
        return encoded.matrix() if table.rows and not encoded.unseen else None


def ping(body: bytes) -> Reply | None:
    """A server that answers is healthy."""
    return None if body else Reply("text/plain", b"")
