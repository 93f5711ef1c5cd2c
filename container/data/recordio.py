"""RecordIO: the frames around records, as SageMaker's SDKs write them and Pipe mode can wrap files in them.

A frame is the magic number, a word of length and flag, the payload, and zeros up to a multiple of four bytes.
Source: dmlc-core's ``recordio.h``. There a payload that holds the magic number itself, at a multiple of four,
is split at it into a first, middle and last frame; AWS's writers never split, which reads the same.
"""

from collections.abc import Iterator

from container.data.table import Place
from container.errors import DataError

MAGIC = (0xCED7230A).to_bytes(4, "little")

_LENGTH_BITS = 29
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)


def frames(data: bytes, place: Place, before: int = 0) -> Iterator[bytes]:
    """The payload of each record; ``before`` is how many came before these.

    Raises:
        DataError: the data is no RecordIO, or ends within a record; with the record's number.
    """
    place = Place(place.name, "record")
    at, row, parts = 0, before, list[bytes]()
    while at < len(data):
        try:
            flag, payload, at = _frame(data, at)
            if (flag in (_MIDDLE, _LAST)) != bool(parts):
                raise DataError("the parts of a split record are out of order", _REMEDY)
        except DataError as error:
            raise place.locate(DataError(error.cause, error.remedy, row=row)) from None
        if flag == _WHOLE:
            yield payload
        else:
            parts.append(payload)
            if flag != _LAST:
                continue
            yield MAGIC.join(parts)
            parts.clear()
        row += 1
    if parts:
        raise place.locate(DataError("the last part of a split record is missing", _REMEDY, row=row))


def whole(data: bytes) -> int:
    """Where the last record that is there whole ends, 0 without one; all of the data where it is no RecordIO."""
    at = last = 0
    while at + 8 <= len(data):
        if not data.startswith(MAGIC, at):
            return len(data)
        header = int.from_bytes(data[at + 4 : at + 8], "little")
        length = header & ((1 << _LENGTH_BITS) - 1)
        at += 8 + length + -length % 4
        if at <= len(data) and header >> _LENGTH_BITS not in (_FIRST, _MIDDLE):
            last = at
    return last


def frame(payload: bytes) -> bytes:
    """The payload as one record. Not split, for the SDKs' readers do not join.

    Raises:
        ValueError: it is longer than a frame can be, 2^29 - 1 bytes.
    """
    if len(payload) >> _LENGTH_BITS:
        raise ValueError(f"a RecordIO frame holds less than {1 << _LENGTH_BITS:,} bytes, got {len(payload):,}")
    return MAGIC + len(payload).to_bytes(4, "little") + payload + bytes(-len(payload) % 4)


_REMEDY = "write it as RecordIO, whole: AWS's SDKs do so for application/x-recordio-protobuf"


def _frame(data: bytes, at: int) -> tuple[int, bytes, int]:
    """Flag and payload of the frame at a position, and the position of the next."""
    if not data.startswith(MAGIC, at):
        # A cut within the magic number is a file that ends early, not one of another format.
        if MAGIC.startswith(data[at : at + 4]):
            raise DataError("the data ends within a record", _REMEDY)
        raise DataError(f"no RecordIO record begins at byte {at:,}", _REMEDY)
    header = int.from_bytes(data[at + 4 : at + 8], "little")
    start, flag, length = at + 8, header >> _LENGTH_BITS, header & ((1 << _LENGTH_BITS) - 1)
    end = start + length
    if start > len(data) or end + -length % 4 > len(data):
        raise DataError("the data ends within a record", _REMEDY)
    if flag > _LAST:
        raise DataError(f"the record has the flag {flag}, where 0 to 3 are known", _REMEDY)
    return flag, data[start:end], end + -length % 4
