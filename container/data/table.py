"""Table: what every reader returns, before anything is decided about what a column means."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from container.data import cells
from container.errors import DataError, named


class Kind(StrEnum):
    """What a column's values are, and so how its cells become float32."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    INDICATOR = "indicator"
    """Numbers, among which true and false are 1 and 0: XGBoost's type "i", of a model from elsewhere."""
    DATE = "date"
    CATEGORY = "category"


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column the format itself gave as numbers: float64 of shape (rows,), NaN where missing; float32 may hold them
    where it holds the very same.

    ``kind`` is DATE where they are days since 1970-01-01 and BOOLEAN where they are 0 and 1.
    """

    values: NDArray[np.float64] | NDArray[np.float32]
    kind: Kind = Kind.NUMBER

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def missing(self) -> int:
        """How many cells hold no value."""
        return int(np.count_nonzero(np.isnan(self.values)))


@dataclass(frozen=True, eq=False)
class Text:
    """A column of text, dictionary-encoded: ``codes`` (int32 of shape (rows,)) index ``values``, -1 is missing.

    ``values`` are distinct, stripped and never missing; some may not occur in ``codes``. ``categorical`` says that
    the format itself calls them categories, so that they are, even where they look like numbers.
    """

    codes: NDArray[np.int32]
    values: Sequence[str]
    categorical: bool = False

    def __len__(self) -> int:
        return len(self.codes)

    @cached_property
    def missing(self) -> int:
        """How many cells hold no value."""
        return int(np.count_nonzero(self.codes < 0))

    @classmethod
    def from_cells(cls, raw: Iterable[str]) -> "Text":
        """Encode cells as they stand in a file, in one pass."""
        seen: dict[str, int] = {}
        values: dict[str, int] = {}
        codes = []
        for cell in raw:
            code = seen.get(cell)
            if code is None:
                text = cell.strip()
                code = -1 if cells.is_missing(text) else values.setdefault(text, len(values))
                seen[cell] = code
            codes.append(code)
        return cls(np.array(codes, dtype=np.int32), list(values))

    def row_of(self, code: int) -> int:
        """The first row that holds ``values[code]``."""
        return int(np.argmax(self.codes == code))


Column = Numbers | Text


@dataclass(frozen=True, eq=False)
class Place:
    """Where a table came from, so that a message can name the line of a row."""

    name: str = ""
    unit: str = "line"
    line_of: Callable[[int], int] = lambda row: row + 1

    def locate(self, error: DataError) -> DataError:
        """The same error with the file, line and column it happened at; one that has its place keeps it."""
        if error.place:
            return error
        spot = self.name
        if error.row is not None:
            spot += f"{' ' if spot else ''}{self.unit} {self.line_of(error.row)}"
        if error.column is not None:
            spot += f"{', ' if spot else ''}{named(error.column)}"
        return error.at(spot)


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of equal length; ``names`` where the source gave them, else None.

    Of records, ``incomplete`` has the names some lack, with the first row that does, and ``first_reordered`` says which
    is the first that has all in another order than the first of them. ``continues`` says that the rows before in the
    same file are another table's.
    """

    columns: Sequence[Column]
    names: tuple[str, ...] | None
    rows: int
    place: Place
    incomplete: Mapping[str, int] = field(default_factory=dict)
    first_reordered: Callable[[], int | None] = lambda: None
    continues: bool = False


@dataclass(frozen=True, eq=False)
class SparseTable:
    """Rows of (index, value) pairs: ``matrix`` is float32 CSR of shape (rows, width), absent means missing.

    ``label``, ``weight`` and ``group`` (query id) have shape (rows,) or are None where the source has none.
    """

    matrix: sparse.csr_matrix
    label: NDArray[np.float64] | None
    weight: NDArray[np.float64] | None
    group: NDArray[np.int64] | None
    place: Place
    continues: bool = False

    @property
    def rows(self) -> int:
        return int(self.matrix.shape[0])
