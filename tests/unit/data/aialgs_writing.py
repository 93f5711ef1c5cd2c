"""Writes recordio-protobuf for tests: each tensor as AWS's SDKs do, or in the other ways protobuf allows."""

import struct
from collections.abc import Sequence

FLOAT32, FLOAT64, INT32, BYTES = 2, 3, 7, 9
_FORMATS = {FLOAT32: "f", FLOAT64: "d"}


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def message(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def tensor(
    kind: int, values: Sequence[float], keys: Sequence[int] = (), shape: Sequence[int] = (), packed: bool = True
) -> bytes:
    if kind == INT32:
        parts, wire_type = [varint(int(value)) for value in values], 0
    else:
        parts, wire_type = [struct.pack("<" + _FORMATS[kind], value) for value in values], 5 if kind == FLOAT32 else 1
    if packed:
        content = message(1, b"".join(parts)) if parts else b""
    else:
        content = b"".join(varint(1 << 3 | wire_type) + part for part in parts)
    for number, whole in ((2, keys), (3, shape)):
        if whole:
            content += message(number, b"".join(map(varint, whole)))
    return message(kind, content)


def entry(field: int, value: bytes, name: str = "values") -> bytes:
    return message(field, message(1, name.encode()) + message(2, value))


def record(features: bytes | None, label: bytes | None = None) -> bytes:
    """The message; both are tensors."""
    return (entry(1, features) if features is not None else b"") + (entry(2, label) if label is not None else b"")


def frame(payload: bytes, flag: int = 0) -> bytes:
    return struct.pack("<II", 0xCED7230A, flag << 29 | len(payload)) + payload + bytes(-len(payload) % 4)


def split(payload: bytes) -> bytes:
    """Frames as dmlc-core writes them: cut wherever the magic number stands at a multiple of four."""
    magic = struct.pack("<I", 0xCED7230A)
    cuts = [at for at in range(0, len(payload) - 3, 4) if payload[at : at + 4] == magic]
    if not cuts:
        return frame(payload)
    bounds = [0, *(cut + 4 for cut in cuts)]
    parts = [payload[start:stop] for start, stop in zip(bounds, [*cuts, len(payload)], strict=True)]
    flags = [1, *[2] * (len(parts) - 2), 3]
    return b"".join(frame(part, flag) for part, flag in zip(parts, flags, strict=True))


def dense(rows: Sequence[Sequence[float]], labels: Sequence[float], kind: int = FLOAT32) -> bytes:
    """A file of dense rows."""
    pairs = zip(rows, labels, strict=True)
    return b"".join(frame(record(tensor(kind, row), tensor(kind, [label]))) for row, label in pairs)


def sparse(rows: Sequence[dict[int, float]], labels: Sequence[float], width: int, kind: int = FLOAT32) -> bytes:
    """A file of sparse rows, each index → value."""
    tensors = [tensor(kind, list(row.values()), list(row), [width]) for row in rows]
    return b"".join(frame(record(t, tensor(kind, [label]))) for t, label in zip(tensors, labels, strict=True))
