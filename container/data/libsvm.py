"""LIBSVM text: ``label[:weight] [qid:n] index:value …`` a row.

An index is the feature's 0-based column exactly as written, in training and in serving alike, so that a
row's prediction never depends on the rows beside it. A request's rows may leave the label out; there a first
``1:0.5`` is a feature, as the built-in algorithm takes it, and never a label with its weight, and an empty line
between rows is what is left of a row without values, as there; before them too, where that one drops it.
"""

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from container.data.csr import to_csr
from container.data.table import Place, SparseTable
from container.data.text import Text
from container.errors import DataError

BLOCK = 1 << 23
"""Bytes of a training file that become one table."""
_MAX_QUERY_ID = 2**53  # float64, in which all columns are read, holds whole numbers up to here

# Possessive throughout, so that a malformed row of any length is refused in one pass over it.
NUMBER = rb"[+-]?(?:(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+|inf|nan)"
_A_NUMBER = re.compile(NUMBER, re.IGNORECASE)


def _row(weight: bytes) -> re.Pattern[bytes]:
    label = rb"(?:(?P<label>" + NUMBER + rb")" + weight + rb"(?=\s|$))?"
    qid = rb"(?P<qid>\s*+qid:[0-9]++(?=\s|$))?"
    pairs = rb"(?P<pairs>(?:\s*+(?<!\S)[0-9]++:" + NUMBER + rb"(?=\s|$))*+)"
    return re.compile(label + qid + pairs, re.IGNORECASE)


_LABELLED = _row(rb"(?P<weight>:" + NUMBER + rb")?+")
_PERHAPS_LABELLED = _row(rb"(?P<weight>(?!))?")
_FORM = "write each row as 'label index:value index:value …', indices whole numbers from 0"


def read(data: bytes, place: Place, *, labelled: bool = True) -> SparseTable:
    """Read the rows; blank lines and ``#`` comments are passed over.

    ``labelled`` says that a first ``1:0.5`` is a label with its weight, as in training; else it is a feature. Then
    a blank line before or between rows without labels and query ids is a row without values.

    Raises:
        DataError: a row is not of the form above, names an index twice, or only some rows have a label,
            weight or query id; with the row's line.
    """
    return _read(data, place, 1, labelled, {})[0]


def read_blocks(stream: Text, place: Place, keep: Callable[[SparseTable], SparseTable]) -> list[SparseTable]:
    """The rows of a training file in tables of about `BLOCK` bytes of it each; ``keep`` is given each in turn.

    Raises:
        DataError: as `read`.
    """
    tables, line, given = list[SparseTable](), 1, dict[str, bool]()
    for data in stream.lines(BLOCK):
        table, lines = _read(data, place, line, True, given)
        line += lines
        if table.rows or not tables:
            tables.append(keep(table))
    return tables if tables[0].rows or len(tables) == 1 else tables[1:]


def _read(
    data: bytes, place: Place, first_line: int, labelled: bool, given: dict[str, bool]
) -> tuple[SparseTable, int]:
    """The rows and how many lines they stand on. ``given`` says what the rows before have, and is told of these."""
    lines: list[int] = []
    rows: list[re.Match[bytes]] = []
    place = Place(place.name, place.unit, lines.__getitem__)
    pattern = _LABELLED if labelled else _PERHAPS_LABELLED
    texts = (data if labelled else data.rstrip()).splitlines()
    for line, raw in enumerate(texts, start=first_line):
        text = raw.partition(b"#")[0].strip()
        if not text and (labelled or raw.strip()):  # a blank line, or a comment
            continue
        row = pattern.fullmatch(text)
        lines.append(line)
        if row is None:
            raise place.locate(_malformed(text, len(lines) - 1))
        rows.append(row)
    if not labelled and any(row["label"] or row["qid"] for row in rows):  # then those stand in every row
        filled = [place for place, row in enumerate(rows) if row[0]]
        lines[:], rows = [lines[place] for place in filled], [rows[place] for place in filled]
    try:
        label = _column(rows, "label", b"", given)
        weight = _column(rows, "weight", b":", given)
        group = _query_ids(rows, given)
        matrix = _matrix([row["pairs"] for row in rows])
    except DataError as error:
        raise place.locate(error) from None
    numbers = np.array(lines, dtype=np.int64)
    place = Place(place.name, place.unit, lambda row: int(numbers[row]))
    return SparseTable(matrix, label, weight, group, place), len(texts)


def _malformed(text: bytes, row: int) -> DataError:
    for place, token in enumerate(text.split()):
        index, colon, value = token.partition(b":")
        label = place == 0 and _A_NUMBER.fullmatch(index)
        qid = place < 2 and index == b"qid" and value.isdigit()
        pair = colon and index.isdigit() and _A_NUMBER.fullmatch(value)
        if not (pair or qid or (label and (not colon or _A_NUMBER.fullmatch(value)))):
            shown = token[:40].decode(errors="replace") + ("…" if len(token) > 40 else "")
            return DataError(f"{shown!r} is not 'index:value'", _FORM, row=row)
    return DataError("the row is not LIBSVM", _FORM, row=row)


def _column(
    rows: list[re.Match[bytes]], name: str, prefix: bytes, given: dict[str, bool]
) -> NDArray[np.float64] | None:
    """One value a row, or None where no row has one."""
    found = [row[name] for row in rows]
    if not found:
        return None
    first = given.setdefault(name, found[0] is not None)
    if any((value is not None) != first for value in found):
        row = next(i for i, value in enumerate(found) if (value is not None) != first)
        has = "has no" if first else "has a"
        raise DataError(f"the row {has} {name}, unlike the rows before", f"give every row a {name}, or none", row=row)
    if not first:
        return None
    return np.array([float(value.strip().removeprefix(prefix)) for value in found], dtype=np.float64)


def _query_ids(rows: list[re.Match[bytes]], given: dict[str, bool]) -> NDArray[np.int64] | None:
    values = _column(rows, "qid", b"qid:", given)
    if values is None:
        return None
    if (values >= _MAX_QUERY_ID).any():
        raise DataError(
            "the query id is too large", f"number the queries below {_MAX_QUERY_ID:,}", row=int(values.argmax())
        )
    return values.astype(np.int64)


def _matrix(pairs: list[bytes]) -> sparse.csr_matrix:
    counts = np.array([text.count(b":") for text in pairs], dtype=np.int64)
    flat = np.array(b" ".join(pairs).replace(b":", b" ").split(), dtype=np.float64)
    return to_csr(counts, flat[0::2], flat[1::2])
