"""A prediction to the bytes of a reply, one function per content type.

Each number is the shortest text that reads back as the same float32. What is not finite is ``nan``, ``inf``
or ``-inf`` in CSV, as every float parser reads it, and ``null`` in JSON, which has no such numbers.
"""

from collections.abc import Callable

import numpy as np
import orjson
from numpy.typing import NDArray

from container.model.predictor import Prediction
from container.serving.negotiation import CSV, JSON, JSON_LINES


def encode(prediction: Prediction, media_type: str) -> bytes:
    """The prediction in one of `negotiation.OFFERED`, without a newline at the end."""
    return _ENCODERS[media_type](prediction)


def _csv(prediction: Prediction) -> bytes:
    """One line a row: the class name where there is one, then the scores."""
    rows = _row_texts(prediction.scores)
    if not np.isfinite(prediction.scores).all():
        rows = [b",".join(map(_csv_number, row)) for row in np.atleast_2d(prediction.scores.T).T]
    if prediction.labels is not None:
        quoted = {label: _csv_cell(label) for label in set(prediction.labels)}
        rows = [quoted[label] + b"," + row for label, row in zip(prediction.labels, rows, strict=True)]
    return b"\n".join(rows)


def _json(prediction: Prediction) -> bytes:
    return b'{"predictions":[' + b",".join(_objects(prediction)) + b"]}"


def _json_lines(prediction: Prediction) -> bytes:
    return b"\n".join(_objects(prediction))


_ENCODERS: dict[str, Callable[[Prediction], bytes]] = {CSV: _csv, JSON: _json, JSON_LINES: _json_lines}


def _objects(prediction: Prediction) -> list[bytes]:
    """``{"score":0.5}`` for each row, ``[0.5,…]`` for several outputs, the class name before it where there is one."""
    rows = _row_texts(prediction.scores)
    if prediction.scores.ndim == 2:
        rows = [b"[" + row + b"]" for row in rows]
    if prediction.labels is None:
        return [b'{"score":' + row + b"}" for row in rows]
    opening = {label: b'{"predicted_label":' + orjson.dumps(label) for label in set(prediction.labels)}
    return [opening[label] + b',"score":' + row + b"}" for label, row in zip(prediction.labels, rows, strict=True)]


def _row_texts(scores: NDArray[np.float32]) -> list[bytes]:
    """Each row's numbers, comma-separated; ``null`` where one is not finite."""
    text = orjson.dumps(np.ascontiguousarray(scores), option=orjson.OPT_SERIALIZE_NUMPY)
    return text[1:-1].split(b",") if scores.ndim == 1 else text[2:-2].split(b"],[")


def _csv_number(value: np.float32) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY) if np.isfinite(value) else str(value).encode()


def _csv_cell(text: str) -> bytes:
    """The text quoted where RFC 4180 asks for it."""
    if any(character in text for character in ',"\r\n'):
        text = '"' + text.replace('"', '""') + '"'
    return text.encode()
