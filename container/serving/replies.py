"""An answer to the bytes of a reply: CSV, JSON and JSON Lines here, the binary formats in `binary`.

Each number is the shortest text that reads back as the same float32. What is not finite is ``nan``, ``inf``
or ``-inf`` in CSV, as every float parser reads it, and ``null`` in JSON, which has no such numbers.

A row's text is a template filled with the texts of its values. ``present`` says which rows have an answer, where
not all do: the others are empty lines in CSV, and ``{}`` in JSON.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import orjson
from numpy.typing import NDArray

from container.model.values import Answer, Names, Values
from container.serving import binary
from container.serving.negotiation import CSV, JSON, JSON_LINES, PARQUET, RECORDIO

Present = NDArray[np.bool_] | None

_IN_ONE_CELL = ("labels", "probabilities", "raw_scores")
"""What the built-in algorithm writes to CSV as ``"[0.1, 0.9]"``, and the next container of a pipeline reads so."""


def encode(answer: Answer, media_type: str, *, present: Present = None, newline: bool = False) -> bytes:
    """The answer in one of `negotiation.OFFERED`; ``newline`` says whether text ends in one."""
    if media_type in _BINARY:
        return _BINARY[media_type](answer, present)
    text = _TEXT[media_type](answer, present)
    return text + b"\n" if newline else text


def _csv(answer: Answer, present: Present) -> bytes:
    """One line a row: the keys' values side by side, as they were asked for."""
    if present is None and len(answer) == 1 and (text := _lines(next(iter(answer.values())))):
        return text
    columns = [column for key, values in answer.items() for column in _csv_columns(key, values)]
    if len(columns) == 1:
        rows = columns[0]
    else:
        rows = [b",".join(row) for row in zip(*columns, strict=True)] if columns else [b""] * _count(answer)
    return b"\n".join(_spread(rows, present, b""))


def _lines(values: Values) -> bytes:
    """The text of one finite number a row; empty where there is none, or something else (``null``)."""
    if values.array.ndim != 1 or values.array.dtype == object:
        return b""
    text = orjson.dumps(np.ascontiguousarray(values.array), option=orjson.OPT_SERIALIZE_NUMPY)
    return b"" if b"n" in text else text[1:-1].replace(b",", b"\n")


def _csv_columns(key: str, values: Values) -> list[list[bytes]]:
    """The texts of each of a row's values, by column, or of all of them as one column."""
    array = values.array
    if key in _IN_ONE_CELL and array.ndim == 2:
        rows = zip(*_columns(values, _json_text), strict=True)
        return [[b'"[' + b", ".join(row).replace(b'"', b'""') + b']"' for row in rows]]
    if array.ndim == 2 and array.size and array.dtype != object and np.isfinite(array).all():
        return [orjson.dumps(np.ascontiguousarray(array), option=orjson.OPT_SERIALIZE_NUMPY)[2:-2].split(b"],[")]
    return _columns(values, _csv_text)


def _json(answer: Answer, present: Present) -> bytes:
    return b'{"predictions":[' + b",".join(_objects(answer, present)) + b"]}"


def _json_lines(answer: Answer, present: Present) -> bytes:
    return b"\n".join(_objects(answer, present))


_BINARY: dict[str, Callable[[Answer, Present], bytes]] = {RECORDIO: binary.recordio, PARQUET: binary.parquet}
_TEXT: dict[str, Callable[[Answer, Present], bytes]] = {CSV: _csv, JSON: _json, JSON_LINES: _json_lines}


def _objects(answer: Answer, present: Present) -> list[bytes]:
    """An object for each row, such as ``{"score":0.5}`` or ``{"score":[0.5,0.25]}``."""
    template = _template(tuple((key, values.names, values.array.shape[1:]) for key, values in answer.items()))
    columns = [column for values in answer.values() for column in _columns(values, _json_text)]
    # Without columns there are only lists that are empty, such as the leaves of no trees.
    rows = [template % row for row in zip(*columns, strict=True)] if columns else [template] * _count(answer)
    return _spread(rows, present, b"{}")


@lru_cache(maxsize=64)
def _template(members: tuple[tuple[str, tuple[Names | None, ...], tuple[int, ...]], ...]) -> bytes:
    """A row's object with ``%s`` for each of its values."""
    return b"{" + b",".join(_quoted(key) + b":" + _nested(names, sizes) for key, names, sizes in members) + b"}"


def _nested(names: tuple[Names | None, ...], sizes: tuple[int, ...]) -> bytes:
    """The template of one key's values: a list for an axis without names, an object for one with names."""
    if not names:
        return b"%s"
    inner = _nested(names[1:], sizes[1:])
    if names[0] is None:
        return b"[" + b",".join([inner] * sizes[0]) + b"]"
    return b"{" + b",".join(_quoted(name) + b":" + inner for name in names[0]) + b"}"


def _quoted(name: str) -> bytes:
    return orjson.dumps(name).replace(b"%", b"%%")


def _count(answer: Answer) -> int:
    return len(next(iter(answer.values())).array)


def _spread(rows: list[bytes], present: Present, empty: bytes) -> list[bytes]:
    """The rows in their places; ``empty`` where a row is not present."""
    if present is None:
        return rows
    filled = iter(rows)
    return [next(filled) if there else empty for there in present]


def _columns(values: Values, text: Callable[[str], bytes]) -> list[list[bytes]]:
    """The texts of each of a row's values, by column."""
    array, width = values.array, values.width
    if array.dtype == object:
        texts = {value: text(value) for value in set(array.flat)}
        cells = [texts[value] for value in array.flat]
    else:
        dumped = orjson.dumps(np.ascontiguousarray(array).reshape(-1), option=orjson.OPT_SERIALIZE_NUMPY)
        cells = dumped[1:-1].split(b",") if array.size else []
        if text is _csv_text and not np.isfinite(array).all():
            for place in np.flatnonzero(~np.isfinite(array)):
                cells[place] = str(array.flat[place]).encode()
    return [cells[place::width] for place in range(width)]


def _json_text(text: str) -> bytes:
    return orjson.dumps(text)


def _csv_text(text: str) -> bytes:
    """The text quoted where RFC 4180 asks for it."""
    if any(character in text for character in ',"\r\n'):
        text = '"' + text.replace('"', '""') + '"'
    return text.encode()
