"""Pipe mode: a channel as a stream, for each epoch a FIFO ``<channel>_<n>``.

The stream of epoch 0 is read once, to its end, and kept, on disk where memory is short: every later pass of
training is over what was kept, so that the FIFOs of later epochs are never opened.
Source: AWS's developer guide. The files of a prefix come one after the other with nothing between them; with
RecordWrapperType RecordIO each file is a record, and of an augmented manifest each attribute of a line.
"""

import mmap
import time
from collections.abc import Iterator, Sequence
from itertools import batched
from pathlib import Path

from container.data import recordio
from container.data.formats import BINARY, Format
from container.data.sources import Source, unpacked
from container.data.spill import Spill
from container.data.table import Place
from container.errors import DataError

_PATIENCE = 10.0
"""Seconds for the platform to make the FIFO."""
_PARQUET_SEAM = b"PAR1PAR1"  # a Parquet file begins and ends with PAR1


def read_pipe(stem: Path, wrapped: bool, format: Format | None, spill: Spill) -> Iterator[Source]:
    """The files in the stream whose FIFO is ``<stem>_0``; rows that came one a record make one file.

    Raises:
        DataError: there is no FIFO, or a stream that should be RecordIO is not.
        UserError: the disk cannot take the stream.
    """
    fifo = stem.with_name(f"{stem.name}_0")
    place = Place(fifo.name)
    data = _read_to_end(fifo, stem.name, spill)
    if not wrapped:
        yield from _files(Source.of(place, data), spill)
        return
    data = bytes(data)
    records = [unpacked(record, place) for record in recordio.frames(data, place)]
    if format is Format.RECORDIO and not any(record.startswith(recordio.MAGIC) for record in records):
        yield Source.of(place, data)  # what is RecordIO already is not wrapped again
    elif all(_is_line(record) for record in records):
        lines = [record.strip(b"\r\n") for record in records]
        yield Source.of(place, b"\n".join(_join_attributes(lines)))
    else:
        for number, record in enumerate(records, start=1):
            yield Source.of(Place(f"{fifo.name} record {number}"), record)


def _files(source: Source, spill: Spill) -> Iterator[Source]:
    """The files in a stream without a wrapper: Parquet files are told apart, others are as one."""
    with source.open() as stream:
        if stream.ahead(4) != b"PAR1":
            yield source
            return
        data = spill.spool(stream)
    view, start = memoryview(data), 0
    while (seam := data.find(_PARQUET_SEAM, start)) >= 0:
        yield Source.of(source.place, view[start : seam + 4])
        start = seam + 4
    yield Source.of(source.place, view[start:])


def _read_to_end(fifo: Path, channel: str, spill: Spill) -> "bytes | mmap.mmap":
    deadline = time.monotonic() + _PATIENCE
    while not fifo.exists():
        if time.monotonic() > deadline:
            raise DataError(
                f"the channel {channel!r} is in Pipe mode, but there is no {fifo.name}",
                "set the channel's TrainingInputMode to File if its data lies in a folder",
            )
        time.sleep(0.1)
    try:
        # Unbuffered: a buffer that waits to be full would not let a stop be heard.
        with fifo.open("rb", buffering=0) as stream:
            return spill.spool(stream)
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
