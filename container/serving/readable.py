"""ON_BAD_ROW=placeholder: an answer for the rows that can be read, and where the others stand."""

import logging

import numpy as np
from numpy.typing import NDArray

from container.data.rows import Rows
from container.errors import DataError
from container.model.predictor import Predictor
from container.model.values import Answer, Values

log = logging.getLogger(__name__)


def answer(predictor: Predictor, rows: Rows, keys: tuple[str, ...]) -> tuple[Answer, NDArray[np.bool_] | None]:
    """The readable rows' answer, and which they are, None where all are."""
    found: list[tuple[int, NDArray[np.float32]]] = []
    _collect(predictor, rows, 0, len(rows.records), found)
    present = np.zeros(len(rows.records), dtype=np.bool_)
    for start, matrix in found:
        present[start : start + len(matrix)] = True
    if not present.all():
        _report(predictor, rows, present)
    if found:
        X = np.concatenate([matrix for _, matrix in found])
        return predictor.answer(X, keys), None if present.all() else present
    nothing = np.full((1, len(predictor.schema.features)), np.nan, np.float32)
    shaped = predictor.answer(nothing, keys)  # only to know the columns
    return {key: Values(values.array[:0], values.names) for key, values in shaped.items()}, present


def _collect(
    predictor: Predictor, rows: Rows, start: int, stop: int, found: list[tuple[int, NDArray[np.float32]]]
) -> None:
    """Encode the rows at once where all can be read, else each half on its own."""
    try:
        matrix = predictor.encode(rows.read(start, stop))
    except DataError:
        if stop - start == 1:
            return
        middle = (start + stop) // 2
        _collect(predictor, rows, start, middle, found)
        _collect(predictor, rows, middle, stop, found)
    else:
        found.append((start, np.asarray(matrix)))


def _report(predictor: Predictor, rows: Rows, present: NDArray[np.bool_]) -> None:
    missing = np.flatnonzero(~present)
    try:
        predictor.encode(rows.alone(int(missing[0])).read(0, 1))
    except DataError as error:
        log.warning(
            "%d of %d rows cannot be read, and have no prediction; the first: %s", len(missing), len(present), error
        )
