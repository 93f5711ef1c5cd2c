"""LIBSVM text: ``label[:weight] [qid:n] index:value …`` a row.

An index is the feature's 0-based column exactly as written, in training and in serving alike, so that a
row's prediction never depends on the rows beside it. A request's rows may leave the label out.
"""

import re

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from container.data.table import Place, SparseTable
from container.errors import DataError

MAX_INDEX = 10_000_000
"""Beyond this an index is a hash or a mistake: a booster's histograms need memory for every column up to it."""

_NUM = rb"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf|nan)"
_ROW = re.compile(
    rb"(?:(?P<label>%(n)s)(?P<weight>:%(n)s)?(?=\s|$))?(?P<qid>\s*qid:[0-9]+(?=\s|$))?(?P<pairs>(?:\s*(?<!\S)[0-9]+:%(n)s(?=\s|$))*)"
    % {b"n": _NUM},
    re.IGNORECASE,
)
_BAD_TOKEN = "write each row as 'label index:value index:value …', indices whole numbers from 0"


def read(data: bytes, place: Place) -> SparseTable:
    """Read the rows; blank lines and ``#`` comments are passed over.

    Raises:
        DataError: a row is not of the form above, names an index twice, or only some rows have a label,
            weight or query id; with the row's line.
    """
    lines: list[int] = []
    rows: list[re.Match[bytes]] = []
    place = Place(place.name, place.unit, lines.__getitem__)
    for line, raw in enumerate(data.splitlines(), start=1):
        text = raw.partition(b"#")[0].strip()
        if not text:
            continue
        row = _ROW.fullmatch(text)
        if row is None:
            lines.append(line)
            raise place.locate(_malformed(text, len(lines) - 1))
        lines.append(line)
        rows.append(row)
    try:
        label = _column(rows, "label", b"")
        weight = _column(rows, "weight", b":")
        group = _column(rows, "qid", b"qid:")
        matrix = _matrix([row["pairs"] for row in rows])
    except DataError as error:
        raise place.locate(error) from None
    return SparseTable(matrix, label, weight, None if group is None else group.astype(np.int64), place)


def _malformed(text: bytes, row: int) -> DataError:
    for token in text.split():
        name, colon, value = token.partition(b":")
        number = re.compile(_NUM, re.IGNORECASE)
        fine = (number.fullmatch(name) and (not colon or number.fullmatch(value))) or name == b"qid"
        if not fine or (colon and name.startswith(b"-")):
            shown = token[:40].decode(errors="replace")
            return DataError(f"{shown!r} is not 'index:value'", _BAD_TOKEN, row=row)
    return DataError("the row is not LIBSVM", _BAD_TOKEN, row=row)


def _column(rows: list[re.Match[bytes]], name: str, prefix: bytes) -> NDArray[np.float64] | None:
    """One value a row, or None where no row has one."""
    found = [row[name] for row in rows]
    absent = sum(value is None for value in found)
    if absent == len(found):
        return None
    if absent:
        first = next(i for i, value in enumerate(found) if (value is None) != (found[0] is None))
        has = "has no" if found[0] is not None else "has a"
        raise DataError(f"the row {has} {name}, unlike the rows before", f"give every row a {name}, or none", row=first)
    return np.array([float(value.strip().removeprefix(prefix)) for value in found], dtype=np.float64)


def _matrix(pairs: list[bytes]) -> sparse.csr_matrix:
    counts = np.array([text.count(b":") for text in pairs], dtype=np.int64)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    flat = np.array(b" ".join(pairs).replace(b":", b" ").split(), dtype=np.float64)
    indices, values = flat[0::2], flat[1::2].astype(np.float32)
    rows = np.repeat(np.arange(len(pairs)), counts)
    if (indices > MAX_INDEX).any():
        first = int(np.argmax(indices > MAX_INDEX))
        raise DataError(
            f"the feature index {indices[first]:.0f} is beyond {MAX_INDEX:,}",
            "number the features from 0 without gaps",
            row=int(rows[first]),
        )
    if np.isinf(values).any():
        raise DataError(
            "a value is infinite or beyond what a 32-bit float holds",
            "use finite numbers",
            row=int(rows[np.argmax(np.isinf(values))]),
        )
    order = np.lexsort((indices, rows))
    rows, columns, values = rows[order], indices[order].astype(np.int32), values[order]
    double = (np.diff(columns) == 0) & (np.diff(rows) == 0)
    if double.any():
        first = int(np.argmax(double))
        raise DataError(
            f"the feature index {columns[first]} stands twice in the row",
            "give each index one value",
            row=int(rows[first]),
        )
    width = int(columns.max()) + 1 if len(columns) else 0
    return sparse.csr_matrix((values, columns, indptr), shape=(len(pairs), width))
