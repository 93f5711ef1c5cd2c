"""Large JSON read in pieces: orjson lets no other thread run before it is done, be it half a second later."""

import re
from typing import Any

import orjson

_PIECE = 256 * 1024
"""Bytes parsed at once: some 5 ms."""
_START = re.compile(rb'\s*(\{\s*"instances"\s*:\s*)?\[\s*(?=[\[{])')


def loads(data: bytes) -> Any:
    """The same as ``orjson.loads``, of a list of rows or records, or ``{"instances": …}`` with one, in pieces.

    It is cut where a row seems to end. Where one does not, as ``],`` stands in a text, the piece before is no JSON,
    and all is read at once.

    Raises:
        orjson.JSONDecodeError: the bytes are not JSON.
    """
    values = _in_pieces(data) if len(data) > _PIECE else None
    return orjson.loads(data) if values is None else values


def _in_pieces(data: bytes) -> Any:
    start = _START.match(data)
    stop = data.rfind(b"]")
    if start is None or stop < start.end() or data[stop + 1 :].strip() != (b"}" if start[1] else b""):
        return None
    ending = b"]," if data[start.end() : start.end() + 1] == b"[" else b"},"
    values: list[Any] = []
    place = start.end()
    view = memoryview(data)
    while place < stop:
        comma = data.find(ending, place + _PIECE, stop) + 1 or stop
        try:
            piece = orjson.loads(b"".join((b"[", view[place:comma], b"]")))
        except orjson.JSONDecodeError:
            return None
        if not piece:
            return None  # a comma with nothing behind it, which is no JSON
        values += piece
        place = comma + 1
        if place == stop:
            return None
    return {"instances": values} if start[1] else values
