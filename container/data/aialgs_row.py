"""One row of a recordio-protobuf file: what its message holds, and whether it fits the rows before."""

import math
from functools import lru_cache
from typing import NamedTuple

from container.data import aialgs
from container.data.csr import MAX_INDEX
from container.data.protobuf import VARINTS, count, numbers
from container.errors import DataError

_ONE_LABEL = "write one number as label['values'] in each record"


class Row(NamedTuple):
    """One record of ``size`` values; numbers are packed. ``width`` is 0 for a sparse one without a shape."""

    kind: str
    values: bytes
    size: int
    keys: bytes | None  # None where dense
    width: int
    label: bytes
    label_kind: str

    @classmethod
    def read(cls, message: bytes, labelled: bool) -> "Row":
        """Read a message, its label only where ``labelled``.

        Raises:
            DataError: values, keys, shape and label do not go together.
        """
        features, label = aialgs.parse(message)
        values, keys = count(features.values, features.kind), count(features.keys, VARINTS)
        width = _width(features.shape)
        sparse = keys > 0 or values == 0
        if sparse and keys != values:
            raise DataError(f"the record has {keys} keys and {values} values", "give each value its key")
        if not sparse and width not in (0, values):
            raise DataError(f"the record has {values} values and a shape of {width}", "let the two agree")
        if width > MAX_INDEX + 1:
            raise DataError(f"the record's shape says {width:,} columns", f"have at most {MAX_INDEX + 1:,}")
        if labelled:
            if label is None:
                raise DataError("the record has no label", _ONE_LABEL)
            if (labels := count(label.values, label.kind)) != 1:
                raise DataError(f"the record has {labels} labels", _ONE_LABEL)
        return cls(
            features.kind,
            features.values,
            values,
            features.keys if sparse else None,
            width if sparse else values,
            label.values if labelled and label else b"",
            label.kind if labelled and label else "",
        )

    def check_like(self, first: "Row") -> None:
        """Raise DataError unless both are rows of one matrix."""
        if (self.keys is None) != (first.keys is None):
            kind = "sparse or empty" if first.keys is None else "dense"
            raise DataError(f"the record is {kind}, unlike the first", "write all as dense, or all as sparse")
        if self.width != first.width:
            what = "values" if self.keys is None else "as its shape"
            raise DataError(f"the record has {self.width} {what} where the first has {first.width}", "make them equal")


@lru_cache(maxsize=16)
def _width(shape: bytes) -> int:
    return math.prod(map(int, numbers(shape, VARINTS))) if shape else 0
