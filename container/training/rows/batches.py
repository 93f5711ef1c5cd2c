"""Rows in parts, handed to XGBoost one after the other, as often as it asks for them."""

from collections.abc import Callable, Sequence
from typing import Any

import xgboost

from container.training.rows.encoded import Rows


class Batches(xgboost.DataIter):
    """A batch for each part; ``about`` makes of it what `xgboost.DMatrix` takes.

    With ``cache`` XGBoost keeps the bins there, in files whose names begin so, and not in memory.
    """

    def __init__(
        self, parts: Sequence[Rows], about: Callable[[Rows], dict[str, Any]], cache: str | None = None
    ) -> None:
        self._parts, self._about, self._next = parts, about, 0
        super().__init__(cache_prefix=cache)

    def reset(self) -> None:
        """Begin again."""
        self._next = 0

    def next(self, input_data: Callable[..., None]) -> bool:
        """Hand over the next part; False where there is none."""
        if self._next == len(self._parts):
            return False
        input_data(**self._about(self._parts[self._next]))
        self._next += 1
        return True
