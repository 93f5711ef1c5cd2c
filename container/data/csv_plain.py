"""A large CSV file of plain numbers, read by the compiled core: pieces of it in several threads, cells into columns."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from container.data.text import Survey, Text

try:
    import _xgboost_serving as native
except ImportError:
    native = None

PIECE = 1 << 21
"""Bytes that a thread reads at a time."""
THREADS = 4
_FULL = 0.9
"""Of a block's rows: with fewer it is copied, so that it takes no more memory than it has rows."""


class NotPlainError(Exception):
    """There is something else than rows of so many comma-separated finite numbers; another reader has to begin anew."""


@dataclass
class _Block:
    """Columns that are being filled: ``rows`` are spoken for, and there when all ``parts`` are done."""

    columns: list[NDArray[np.float64]]
    rows: int = 0
    parts: list["Future[bool]"] = field(default_factory=list)

    def filled(self) -> list[NDArray[np.float64]]:
        if not all(part.result() for part in self.parts):
            raise NotPlainError
        used = [column[: self.rows] for column in self.columns]
        return used if self.rows >= _FULL * len(self.columns[0]) else [column.copy() for column in used]


def reads(delimiter: str) -> bool:
    """Whether there is a core, and it knows the delimiter."""
    return native is not None and delimiter == ","


def blocks(stream: Text, header: bool, width: int, most: int) -> Iterator[list[NDArray[np.float64]]]:
    """The columns of ``most`` rows or fewer, as often as there are rows; NaN where a cell is missing.

    Cells have the same bits as through pyarrow. ``stream`` may be a few pieces ahead of what is given.

    Raises:
        NotPlainError: as it says.
        DataError: the file is not text.
    """
    threads = min(THREADS, os.process_cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool:
        waiting = deque[_Block]()
        block = _empty(width, most)
        under_way = deque[Future[bool]]()
        for piece in _pieces(stream, header):
            rows = Survey.of(piece).line_feeds + (not piece.endswith(b"\n"))
            if block.rows + rows > len(block.columns[0]):
                if block.rows:
                    waiting.append(block)
                block = _empty(width, max(most, rows))
            part = pool.submit(_parse, piece, block.columns, block.rows, block.rows + rows)
            block.rows += rows
            block.parts.append(part)
            under_way.append(part)
            if len(under_way) > threads + 1 and not under_way.popleft().result():
                raise NotPlainError
            while waiting and all(part.done() for part in waiting[0].parts):
                yield waiting.popleft().filled()
        waiting.append(block)
        for block in waiting:
            yield block.filled()


def _empty(width: int, rows: int) -> _Block:
    return _Block([np.empty(rows) for _ in range(width)])


def _parse(piece: bytes, columns: list[NDArray[np.float64]], first: int, last: int) -> bool:
    if b" " in piece or b"\t" in piece:  # " na" is text to pyarrow
        return False
    parse: Callable[..., bool] = native.parse_csv_columns
    return parse(piece, columns, first, last)


def _pieces(stream: Text, header: bool) -> Iterator[bytes]:
    """Whole lines, without the header and without blank lines at a piece's end."""
    stream.skip(b"\r\n")  # blank lines before the header
    for piece in stream.lines(PIECE):
        if stream.quotes:
            raise NotPlainError
        if header:
            line, _, piece = piece.partition(b"\n")
            if b"\r" in line.removesuffix(b"\r"):  # which ends a line too
                raise NotPlainError
            header = False
        if len(piece) < 3 or piece.endswith((b"\n\n", b"\n\r\n")):
            piece = piece.rstrip(b"\r\n")
        if piece:
            yield piece
