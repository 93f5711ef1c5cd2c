"""ON_BAD_ROW=placeholder: an answer for the rows that can be read, and where the others stand."""

import logging

import numpy as np
from numpy.typing import NDArray

from container.data import misfit
from container.data.rows import Rows
from container.errors import DataError
from container.model.predictor import Predictor
from container.model.values import Answer, Values

log = logging.getLogger(__name__)


def answer(predictor: Predictor, rows: Rows, keys: tuple[str, ...]) -> tuple[Answer, NDArray[np.bool_] | None]:
    """The readable rows' answer, and which they are, None where all are."""
    reading = _Reading(predictor)
    reading.read(rows, 0, len(rows.records))
    present = np.concatenate(reading.present)
    if not present.all():
        log.warning(
            "%d of %d rows cannot be read, and have no prediction; the first: %s",
            np.count_nonzero(~present),
            len(present),
            reading.first_error,
        )
    if reading.matrices:
        answered = predictor.answer(np.concatenate(reading.matrices), keys)
        return answered, None if present.all() else present
    nothing = np.full((1, len(predictor.schema.features)), np.nan, np.float32)
    shaped = predictor.answer(nothing, keys)  # only to know the columns
    return {key: Values(values.array[:0], values.names) for key, values in shaped.items()}, present


class _Reading:
    """What has been read so far: blocks of encoded rows, and of every row whether it is among them."""

    def __init__(self, predictor: Predictor) -> None:
        self.matrices: list[NDArray[np.float32]] = []
        self.present: list[NDArray[np.bool_]] = []
        self.first_error: DataError | None = None
        self._predictor = predictor
        self._names: tuple[str, ...] | None = None
        """Those of the first records that could be read, where the model goes by position and records have names."""

    def read(self, rows: Rows, start: int, stop: int) -> None:
        """Take the records at once where all can be read, else each half on its own."""
        try:
            matrix = self._encoded(rows, start, stop)
        except DataError:
            if stop - start > 1:
                middle = (start + stop) // 2
                self.read(rows, start, middle)
                self.read(rows, middle, stop)
            elif not rows.is_quoted_whole(start) and len((lines := rows.by_line(start)).records) > 1:
                self.read(lines, 0, len(lines.records))
            else:
                self._miss(rows, start)
        else:
            self.matrices.append(matrix)
            self.present.append(np.ones(len(matrix), dtype=np.bool_))

    def _miss(self, rows: Rows, place: int) -> None:
        self.present.append(np.zeros(1, dtype=np.bool_))
        if self.first_error is None:
            try:
                self._encoded(rows.alone(place), 0, 1)
            except DataError as error:
                self.first_error = error

    def _encoded(self, rows: Rows, start: int, stop: int) -> NDArray[np.float32]:
        """These records as the model takes them.

        Raises:
            DataError: at least one of them cannot be read, or is unlike those before.
        """
        table = rows.read(start, stop)
        by_position = table.names is not None and not self._predictor.schema.finds(table.names)
        if by_position and self._names is not None:
            misfit.check_names_as(table, self._names)
        matrix = np.asarray(self._predictor.encode(table))
        if by_position:
            self._names = table.names
        return matrix
