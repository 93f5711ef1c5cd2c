"""What a model answers, key by key, before anything is decided about how it is written down."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from numpy.typing import NDArray

Names = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Values:
    """One key's values: float32, int32, or objects that are str, of shape (rows,) or (rows, …).

    ``names`` has for each axis after the first the names of its places, or None where they are a mere list.
    """

    array: NDArray[Any]
    names: tuple[Names | None, ...] = ()

    @classmethod
    def listed(cls, array: NDArray[Any]) -> "Values":
        """Values without names."""
        return cls(array, (None,) * (array.ndim - 1))

    @property
    def width(self) -> int:
        """How many values a row has."""
        return math.prod(self.array.shape[1:])

    def flat(self) -> NDArray[Any]:
        """The same values, of shape (rows, width)."""
        return self.array.reshape(len(self.array), self.width)

    def columns(self, key: str) -> Iterator[str]:
        """A name for each of a row's values: the key, or ``key_name`` and ``key_0``."""
        places = [names or tuple(map(str, range(size))) for names, size in self._axes()]
        return ("_".join((key, *place)) for place in product(*places))

    def _axes(self) -> list[tuple[Names | None, int]]:
        return list(zip(self.names, self.array.shape[1:], strict=True))


Answer = dict[str, Values]
"""What is answered for a table's rows, by key, in the order of the reply."""
