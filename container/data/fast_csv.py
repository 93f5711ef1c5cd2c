"""CSV requests of plain numbers, read by the compiled core straight into the matrix a model takes."""

import re

import numpy as np
from numpy.typing import NDArray

from container.data import cells
from container.data.encoding import are_zero_or_one
from container.data.formats import ContentType, Format, sniff
from container.data.schema import Schema
from container.data.table import Kind

try:
    import _xgboost_serving as native
except ImportError:
    native = None

_BLANK = re.compile(rb"[ \t]")
_PART = 256 * 1024
"""Bytes that are worth a thread: a quarter of a millisecond."""
_THREADS = 4
"""For each CPU: a thread may begin on the CPU of the one that starts it, and wait there; of several some do not."""
_ASCII_OR_MORE = ("", "utf-8", "utf8", "us-ascii", "ascii")


class FastCsv:
    """Reads requests for one model. Safe to use from several threads."""

    def __init__(self, schema: Schema, cpus: int = 1) -> None:
        """A large request is read in parts, on so many ``cpus``."""
        self._threads = 1 if cpus == 1 else cpus * _THREADS
        self._columns = len(schema.features)
        self._booleans = [place for place, feature in enumerate(schema.features) if feature.kind is Kind.BOOLEAN]
        self._trailing = self._columns + 1 not in schema.widths
        # A header row is made of names; a row of numbers is none where no name reads as a number.
        names = (*schema.names, *(other.name for other in schema.others)) if schema.named else ()
        self._takes = (
            native is not None
            and all(feature.kind in (Kind.NUMBER, Kind.INDICATOR, Kind.BOOLEAN) for feature in schema.features)
            and not any(_is_cell(name.strip()) for name in names)
        )

    def matrix(self, body: bytes, content_type: ContentType) -> NDArray[np.float32] | None:
        """The request as float32 of shape (rows, features), C-contiguous, NaN where missing.

        Each number is the one `formats.read_request` and `Schema.encode` would give, to the bit. None where the
        body is anything but comma-separated rows of finite numbers, one for each feature, without a header:
        the ordinary readers have the answer then, or the message.
        """
        charset = (content_type.charset or "").casefold()
        if not self._takes or content_type.header or content_type.label_size or charset not in _ASCII_OR_MORE:
            return None
        if (content_type.format or sniff(body)) is not Format.CSV:
            return None
        threads = max(1, min(self._threads, len(body) // _PART))
        rows = native.parse_csv(body, self._columns, False, threads)
        # Where blanks could be taken for the delimiter, a row with one cell too many is for the ordinary reader.
        if rows is None and self._trailing and body.rstrip(b"\r\n").endswith(b",") and not _BLANK.search(body):
            rows = native.parse_csv(body, self._columns, True, threads)
        if rows is None:
            return None
        matrix = np.frombuffer(rows, np.float32).reshape(-1, self._columns)
        if self._booleans:
            values = matrix[:, self._booleans]
            if not (are_zero_or_one(values) | np.isnan(values)).all():
                return None
        return matrix


def _is_cell(text: str) -> bool:
    return cells.is_missing(text) or cells.number(text) is not None
