"""Pipe mode: a channel as a stream, for each epoch a FIFO ``<channel>_<n>``.

The stream of epoch 0 is read once, to its end, and kept: every later pass of training is over what was kept, so
that the FIFOs of later epochs are never opened.
Source: AWS's developer guide. The files of a prefix come one after the other with nothing between them; with
RecordWrapperType RecordIO each file is a record, and of an augmented manifest each attribute of a line.
"""

import time
from collections.abc import Iterator, Sequence
from itertools import batched
from pathlib import Path

from container.data import recordio
from container.data.formats import BINARY, Format
from container.data.sources import unpack
from container.data.table import Place
from container.errors import DataError

_PATIENCE = 10.0
"""Seconds for the platform to make the FIFO."""
_PARQUET_SEAM = b"PAR1PAR1"  # a Parquet file begins and ends with PAR1


def read_pipe(stem: Path, wrapped: bool, format: Format | None) -> Iterator[tuple[Place, bytes]]:
    """The files in the stream whose FIFO is ``<stem>_0``, unpacked; rows that came one a record make one file.

    Raises:
        DataError: there is no FIFO, or a stream that should be RecordIO is not.
    """
    fifo = stem.with_name(f"{stem.name}_0")
    place = Place(fifo.name)
    data = _read_to_end(fifo, stem.name)
    if not wrapped:
        data = unpack(data, place)
        parts = data.split(_PARQUET_SEAM) if data.startswith(b"PAR1") else [data]
        for index, part in enumerate(parts):
            yield place, (b"PAR1" if index else b"") + part + (b"PAR1" if index < len(parts) - 1 else b"")
        return
    records = [unpack(record, place) for record in recordio.frames(data, place)]
    if format is Format.RECORDIO and not any(record.startswith(recordio.MAGIC) for record in records):
        yield place, data  # what is RecordIO already is not wrapped again
    elif all(_is_line(record) for record in records):
        yield place, b"\n".join(_join_attributes([record.strip(b"\r\n") for record in records]))
    else:
        for number, record in enumerate(records, start=1):
            yield Place(f"{fifo.name} record {number}"), record


def _read_to_end(fifo: Path, channel: str) -> bytes:
    deadline = time.monotonic() + _PATIENCE
    while not fifo.exists():
        if time.monotonic() > deadline:
            raise DataError(
                f"the channel {channel!r} is in Pipe mode, but there is no {fifo.name}",
                "set the channel's TrainingInputMode to File if its data lies in a folder",
            )
        time.sleep(0.1)
    try:
        return fifo.read_bytes()
    except OSError as error:
        raise DataError(
            f"the stream cannot be read: {error.strerror}", "start the job again", place=fifo.name
        ) from None


def _is_line(record: bytes) -> bool:
    return b"\n" not in record.rstrip(b"\r\n") and not record.startswith(tuple(BINARY))


def _join_attributes(lines: Sequence[bytes]) -> list[bytes]:
    """Where label and row alternate, as an augmented manifest's attributes do, each pair as one row, label first."""
    for row, label in ((0, 1), (1, 0)):
        if len(lines) % 2 == 0 and all(_cells(pair[row]) > 1 == _cells(pair[label]) for pair in batched(lines, 2)):
            return [pair[label] + b"," + pair[row] for pair in batched(lines, 2)]
    return list(lines)


def _cells(line: bytes) -> int:
    return len(line.split(b","))
