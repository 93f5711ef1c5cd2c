"""Protocol Buffers' wire format, as far as one small message needs it.

Source: https://protobuf.dev/programming-guides/encoding
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from container.errors import DataError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

VARINTS = "varints"
_WIRE_TYPE = {"<f4": FIXED32, "<f8": FIXED64, VARINTS: VARINT}
_SIZE = {"<f4": 4, "<f8": 8}
_CONTINUED = bytes(range(0x80, 0x100))  # bytes of a varint that others follow
_REMEDY = "write it with AWS's aialgs.data.Record message"


class Field(NamedTuple):
    """One field: its number, its wire type, and where in the message its value begins and ends."""

    number: int
    wire_type: int
    start: int
    stop: int


def fields(data: bytes, start: int, stop: int) -> Iterator[Field]:
    """The fields of the message in ``data[start:stop]``, unknown ones too.

    Raises:
        DataError: the bytes are no message.
    """
    while start < stop:
        key, start = _varint(data, start, stop)
        number, wire_type = key >> 3, key & 7
        if wire_type == BYTES:
            length, start = _varint(data, start, stop)
            end = start + length
        elif wire_type == VARINT:
            _, end = _varint(data, start, stop)
        elif wire_type in (FIXED32, FIXED64):
            end = start + (4 if wire_type == FIXED32 else 8)
        else:
            raise DataError("the record is not a protobuf message", _REMEDY)
        if end > stop or not number:
            raise DataError("the record is not a protobuf message", _REMEDY)
        yield Field(number, wire_type, start, end)
        start = end


def packed(data: bytes, found: Sequence[Field], kind: str) -> bytes:
    """A repeated number's bytes as if packed, however they are written; ``kind`` as for `numbers`.

    Raises:
        DataError: the fields are not of that kind.
    """
    raw = [data[start:stop] for _, _, start, stop in found]
    for (_, wire_type, _, _), part in zip(found, raw, strict=True):
        if wire_type not in (BYTES, _WIRE_TYPE[kind]) or count(part, kind) < 0:
            raise DataError("the record's numbers are not of their tensor's type", _REMEDY)
    return raw[0] if len(raw) == 1 else b"".join(raw)


def count(raw: bytes, kind: str) -> int:
    """How many numbers the bytes pack, or -1 where they end within one."""
    if kind == VARINTS:
        return -1 if raw and raw[-1] >= 0x80 else len(raw.translate(None, _CONTINUED))
    size, rest = divmod(len(raw), _SIZE[kind])
    return -1 if rest else size


def numbers(raw: bytes, kind: str) -> NDArray[np.generic]:
    """Packed numbers; ``kind`` is ``<f4``, ``<f8`` or `VARINTS`, which gives uint64.

    Raises:
        DataError: a varint of more than 64 bits.
    """
    if kind != VARINTS:
        return np.frombuffer(raw, kind)
    found = np.frombuffer(raw, np.uint8)
    if not len(found):
        return np.empty(0, np.uint64)
    last = np.flatnonzero(found < 0x80)
    starts = np.concatenate([[0], last[:-1] + 1])
    if (last - starts).max() > 9:
        raise DataError("a whole number is longer than 64 bits", _REMEDY)
    place = np.arange(len(found)) - np.repeat(starts, last - starts + 1)
    bits = (found & 0x7F).astype(np.uint64) << (7 * place).astype(np.uint64)
    return np.add.reduceat(bits, starts)


def field(number: int, value: bytes) -> bytes:
    """A field of bytes, text, packed numbers or a message."""
    return bytes([number << 3 | BYTES]) + _encoded(len(value)) + value


def _encoded(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def _varint(data: bytes, at: int, stop: int) -> tuple[int, int]:
    if at < stop and data[at] < 0x80:  # nearly all are
        return data[at], at + 1
    value = 0
    for place in range(10):
        if at >= stop:
            break
        byte = data[at]
        value, at = value | (byte & 0x7F) << 7 * place, at + 1
        if byte < 0x80:
            return value, at
    raise DataError("the record is not a protobuf message", _REMEDY)
