"""AWS's protobuf message ``aialgs.data.Record``, one row: ``features['values']`` and ``label['values']``.

It is read by hand. The protobuf package would need the message's descriptor, which has to be byte-identical to
the one in ``sagemaker_training.record_pb2``, or loading both fails; and knowing where a message's numbers stand
is what lets `recordio_protobuf` read a file of equal records at once.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from container.data.protobuf import BYTES, VARINTS, Field, field, fields, numbers, packed
from container.errors import DataError, listing

# Field numbers: of Record, of the entries of its maps, of Value, and of the three tensors.
_FEATURES, _LABEL = 1, 2
_KEY, _VALUE = 1, 2
_FLOAT32, _BYTES = 2, 9
_KINDS = {_FLOAT32: "<f4", 3: "<f8", 7: VARINTS}
_VALUES, _KEYS, _SHAPE = 1, 2, 3

_REMEDY = "write the row as one tensor of float32, float64 or int32, features['values']"


class Tensor(NamedTuple):
    """A tensor's parts as packed numbers; ``kind`` is that of the values, as `protobuf.numbers` takes it.

    ``whole`` is where all values stand in the message, or None where they stand in several places.
    """

    kind: str
    values: bytes
    keys: bytes
    shape: bytes
    whole: Field | None

    @classmethod
    def read(cls, data: bytes, kind: str, start: int, stop: int) -> "Tensor":
        parts: dict[int, list[Field]] = {_VALUES: [], _KEYS: [], _SHAPE: []}
        for part in fields(data, start, stop):
            if part.number in parts:
                parts[part.number].append(part)
        values = parts[_VALUES]
        whole = values[0] if len(values) == 1 and values[0].wire_type == BYTES else None
        keys, shape = (packed(data, parts[part], VARINTS) for part in (_KEYS, _SHAPE))
        return cls(kind, packed(data, values, kind), keys, shape, whole)


def decode(values: bytes, kind: str) -> NDArray[np.float64]:
    """The values of tensors of one kind, one after the other.

    Raises:
        DataError: a whole number of more than 64 bits.
    """
    found = numbers(values, kind)
    if kind == VARINTS:  # an int32 below 0 is written as 64 bits
        found = found.astype(np.uint32).view(np.int32)
    with np.errstate(invalid="ignore"):  # a signalling NaN is a missing value too
        return found.astype(np.float64)


class Record(NamedTuple):
    """The tensors named ``values`` of a record; ``label`` is None where there is none."""

    features: Tensor
    label: Tensor | None


def parse(data: bytes) -> Record:
    """Read a message.

    Raises:
        DataError: the bytes are no such message, or it has no features or others besides.
    """
    features: dict[bytes, Tensor | None] = {}
    label: dict[bytes, Tensor | None] = {}
    for part in fields(data, 0, len(data)):
        if part.number in (_FEATURES, _LABEL) and part.wire_type == BYTES:
            name, tensor = _entry(data, part)
            (features if part.number == _FEATURES else label)[name] = tensor
    others = tuple(name.decode(errors="replace") for name in features if name != b"values")
    if others:
        raise DataError(f"the record has features named {listing(others, 3)}", _REMEDY)
    values = features.get(b"values")
    if values is None:
        raise DataError("the record has no features", _REMEDY)
    return Record(values, label.get(b"values"))


def with_labels(labels: Mapping[str, NDArray[Any]]) -> bytes:
    """A message with labels only: arrays of numbers as float32 tensors, of text as bytes."""
    entries = ((name, _texts(value) if value.dtype.kind in "OU" else _floats(value)) for name, value in labels.items())
    return b"".join(field(_LABEL, field(_KEY, name.encode()) + field(_VALUE, value)) for name, value in entries)


def _floats(values: NDArray[Any]) -> bytes:
    return field(_FLOAT32, field(_VALUES, np.asarray(values, "<f4").tobytes()))


def _texts(texts: NDArray[Any]) -> bytes:
    return field(_BYTES, b"".join(field(1, text.encode()) for text in texts) + field(2, b"text/plain"))


def _entry(data: bytes, entry: Field) -> tuple[bytes, Tensor | None]:
    """A map's key and value; None where the value is no tensor of numbers."""
    name, tensor = b"", None
    for part in fields(data, entry.start, entry.stop):
        if part.number == _KEY:
            name = data[part.start : part.stop]
        elif part.number == _VALUE and part.wire_type == BYTES:
            tensor = _tensor(data, part)
    return name, tensor


def _tensor(data: bytes, value: Field) -> Tensor | None:
    tensor = None
    for part in fields(data, value.start, value.stop):
        if part.number in _KINDS and part.wire_type == BYTES:
            tensor = Tensor.read(data, _KINDS[part.number], part.start, part.stop)
        elif part.number == _BYTES:
            tensor = None
    return tensor
