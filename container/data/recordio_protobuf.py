"""recordio-protobuf: RecordIO frames that each hold one row as an `aialgs` message.

A tensor with ``keys`` is sparse, and so is an empty one with a ``shape``. Dense rows become columns, the label
first, as in CSV; sparse rows a `SparseTable`, as from LIBSVM.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from container.data import aialgs, recordio
from container.data.aialgs_row import Row
from container.data.csr import to_csr
from container.data.protobuf import VARINTS, numbers
from container.data.stream import Ahead
from container.data.table import Numbers, Place, SparseTable, Table
from container.errors import DataError

Floats = NDArray[np.float64]
AnyTable = Table | SparseTable

BLOCK = 1 << 23
"""Bytes of a training file that become one table."""

_HEADER = 8  # bytes of a frame before its payload


def read(data: bytes, place: Place, *, labelled: bool = True) -> AnyTable:
    """Read the records; labels are passed over unless ``labelled``, as training needs them.

    Raises:
        DataError: a record that is none or unlike the first: dense or sparse, or of another width; with its number.
    """
    return _read(data, place, labelled, 0, None)[0]


def read_blocks(stream: Ahead, place: Place, keep: Callable[[AnyTable], AnyTable]) -> list[AnyTable]:
    """The records of a training file in tables of about `BLOCK` bytes of it each; ``keep`` is given each in turn.

    Raises:
        DataError: as `read`.
    """
    tables, rows, first, size = list[AnyTable](), 0, None, BLOCK
    while data := stream.ahead(size):
        end = len(data) if len(data) < size else recordio.whole(data)
        if not end:
            size *= 2
            continue
        table, first = _read(stream.read(end), place, True, rows, first)
        rows += table.rows
        tables.append(keep(table))
    return tables


def _read(data: bytes, place: Place, labelled: bool, before: int, like: Row | None) -> tuple[AnyTable, Row]:
    """The rows, and the first of the file: ``like``, or where that is None, the first of these.

    ``before`` is how many rows of the file came before these.
    """
    place = Place(place.name, "record", lambda row: before + row + 1)
    try:
        if (uniform := _read_uniform(data, place, labelled, like)) is not None:
            values, label, row = uniform
            return _dense(values, label, place), like or row
        rows: list[Row] = []
        for index, message in enumerate(recordio.frames(data, place, before)):
            try:
                row = Row.read(message, labelled)
                row.check_like(like or row)
            except DataError as error:
                raise DataError(error.cause, error.remedy, row=index) from None
            like = like or row
            rows.append(row)
        return _assemble(rows, labelled, place), rows[0] if like is None else like
    except DataError as error:
        raise place.locate(error) from None


def write(columns: Mapping[str, NDArray[Any] | Sequence[str]], present: NDArray[np.bool_] | None = None) -> bytes:
    """One record a row with the columns as labels, as the built-in algorithm answers: ``score``, ``predicted_label``.

    Columns are numbers or text, of shape (rows,) or (rows, values). ``present``, where given, has one True for each
    of these rows, and False for each record without labels among them.
    """
    rows = zip(*columns.values(), strict=True)
    labels = (dict(zip(columns, map(np.atleast_1d, row), strict=True)) for row in rows)
    frames = (recordio.frame(aialgs.with_labels(row)) for row in labels)
    if present is None:
        return b"".join(frames)
    return b"".join(next(frames) if there else recordio.frame(b"") for there in present)


def _assemble(rows: Sequence[Row], labelled: bool, place: Place) -> AnyTable:
    first = rows[0]
    values = _decode((row.kind, row.values) for row in rows)
    label = _decode((row.label_kind, row.label) for row in rows) if labelled else None
    if first.keys is None:
        return _dense(values.reshape(len(rows), first.width), label, place)
    keys = numbers(b"".join(row.keys or b"" for row in rows), VARINTS).astype(np.uint64)
    counts = np.array([row.size for row in rows], dtype=np.int64)
    if first.width and (beyond := keys >= first.width).any():
        at = int(np.argmax(beyond))
        row = int(np.searchsorted(np.cumsum(counts), at, side="right"))
        raise DataError(
            f"the key {keys[at]} is beyond the shape of {first.width}", "number the columns from 0", row=row
        )
    return SparseTable(to_csr(counts, keys, values, first.width), label, None, None, place)


def _decode(tensors: Iterable[tuple[str, bytes]]) -> Floats:
    """The values of all tensors, each given by its kind and its packed numbers."""
    runs = groupby(tensors, key=itemgetter(0))
    return np.concatenate([aialgs.decode(b"".join(raw for _, raw in run), kind) for kind, run in runs])


def _dense(values: Floats, label: Floats | None, place: Place) -> Table:
    columns = [Numbers(column) for column in np.asfortranarray(values).T]
    return Table(columns if label is None else [Numbers(label), *columns], None, len(values), place)


def _read_uniform(
    data: bytes, place: Place, labelled: bool, like: Row | None
) -> tuple[Floats, Floats | None, Row] | None:
    """Values, labels and first row where the frames are equal but for packed numbers, in a few steps; else None."""
    first = next(recordio.frames(data, place))
    head = recordio.frame(first)
    if len(data) % len(head) or not data.startswith(head):
        return None
    try:
        record, row = aialgs.parse(first), Row.read(first, labelled)
        row.check_like(like or row)
    except DataError:
        return None  # for the other way to say so with the record's number
    grid = np.frombuffer(data, np.uint8).reshape(-1, len(head))
    same = np.ones(len(head), dtype=bool)
    found: list[Floats] = []
    for tensor in filter(None, record):
        if tensor.whole is None or row.keys is not None:
            return None
        within = slice(_HEADER + tensor.whole.start, _HEADER + tensor.whole.stop)
        same[within] = False
        raw = np.ascontiguousarray(grid[:, within])
        if tensor.kind == VARINTS and (raw >= 0x80).any():  # numbers of more than one byte
            return None
        found.append(aialgs.decode(raw.tobytes(), tensor.kind).reshape(len(grid), -1))
    if (grid[:, same] != grid[0, same]).any():
        return None
    return found[0], found[1][:, 0] if labelled else None, row
