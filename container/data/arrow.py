"""Arrow columns to ours, for the readers that use pyarrow. It is imported only where such data arrives.

And arrays to Arrow's and back by their buffers, without a copy: `pyarrow.array` and `to_numpy` import pandas, a fifth
of a second, to see whether they are given what is pandas' own.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from container.data import cells
from container.data.table import Column, Kind, Numbers, Text
from container.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa


_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def from_arrow(column: "pa.ChunkedArray", name: str) -> Column:
    """One Arrow column as `Numbers` or `Text`.

    Integers, decimals and floats become float64, dates and timestamps days since 1970-01-01 UTC.

    Raises:
        DataError: the type has no place in a table of features (nested, binary, duration).
    """
    import pyarrow as pa
    from pyarrow import compute as pc

    kind, types = column.type, pa.types
    if types.is_dictionary(kind) and not _is_text(kind.value_type):
        column, kind = column.cast(kind.value_type), kind.value_type
    if types.is_dictionary(kind):
        return _text(column)
    if _is_text(kind):
        return _text(column.dictionary_encode())
    if types.is_null(kind):
        return Numbers(np.full(len(column), np.nan))
    if types.is_boolean(kind):
        return Numbers(_floats(column.cast(pa.uint8())), Kind.BOOLEAN)
    if types.is_date32(kind):
        return Numbers(_floats(column.cast(pa.int32())), Kind.DATE)
    if types.is_date64(kind) or types.is_timestamp(kind):  # either counts in UTC, whatever zone it is shown in
        per_day = 86_400 * _PER_SECOND["ms" if types.is_date64(kind) else kind.unit]
        return Numbers(_floats(column.cast(pa.int64())) / per_day, Kind.DATE)
    if types.is_integer(kind) or types.is_floating(kind):
        return Numbers(_floats(column))
    if types.is_decimal(kind):
        return Numbers(_floats(pc.cast(column, pa.float64())))
    raise DataError(
        f"values of the type {kind} cannot be features",
        "write the column as numbers, text, dates or booleans, or name it in ignore_columns",
        column=name,
    )


def _is_text(kind: "pa.DataType") -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _floats(column: "pa.ChunkedArray") -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """float64 of shape (rows,), NaN where null; no copy where Arrow holds just that."""
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _text(column: "pa.ChunkedArray") -> Text:
    """Strip the dictionary's values and fold those that have become equal or missing."""
    column = column.unify_dictionaries()
    chunks = column.chunks
    raw = chunks[0].dictionary.to_pylist() if chunks else []
    values: dict[str, int] = {}
    codes = np.full(len(raw) + 1, -1, dtype=np.int32)  # the last entry stands for null, which is index -1
    for index, value in enumerate(raw):
        stripped = (value or "").strip()
        if not cells.is_missing(stripped):
            codes[index] = values.setdefault(stripped, len(values))
    indices = [chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in chunks]
    joined = np.concatenate(indices) if indices else np.empty(0, dtype=np.int32)
    return Text(codes[joined], list(values))


def array_of(values: NDArray[Any], missing: NDArray[np.bool_] | None = None) -> "pa.Array":
    """Numbers as an Arrow array of their type, null where ``missing``."""
    import pyarrow as pa

    valid = None
    if missing is not None and missing.any():
        valid = pa.py_buffer(np.packbits(~missing, bitorder="little"))
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(np.ascontiguousarray(values))])


def array_of_text(values: Sequence[str]) -> "pa.StringArray":
    """Text as an Arrow array."""
    import pyarrow as pa

    raw = [value.encode() for value in values]
    ends = np.cumsum([0, *map(len, raw)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(raw), pa.py_buffer(ends), pa.py_buffer(b"".join(raw)))


def numbers_of(array: "pa.Array") -> NDArray[Any]:
    """The values of an Arrow array of numbers, of shape (rows,); any number where one is null."""
    values = array.buffers()[1]
    dtype = array.type.to_pandas_dtype()
    return np.frombuffer(values, dtype)[array.offset : array.offset + len(array)] if values else np.empty(0, dtype)
