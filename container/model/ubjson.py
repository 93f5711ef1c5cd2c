"""XGBoost's binary model format, read into plain Python values and numpy arrays.

UBJSON as `Booster.save_raw("ubj")` writes it: lengths are always int64, typed arrays have their length in front,
everything is big-endian (https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html).
"""

import struct
from typing import Any

import numpy as np

_NUMBERS = {b"i": ">b", b"U": ">B", b"I": ">h", b"l": ">i", b"L": ">q", b"d": ">f", b"D": ">d"}
_READERS = {ord(marker): struct.Struct(code) for marker, code in _NUMBERS.items()}
_ARRAYS = {ord(marker): np.dtype(code) for marker, code in _NUMBERS.items()}
_CONSTANTS = {ord("T"): True, ord("F"): False, ord("Z"): None}
_LENGTH = struct.Struct(">q")


def loads(data: bytes | bytearray) -> Any:
    """The value that the bytes hold; typed arrays are big-endian views into them.

    Raises:
        ValueError: the bytes are no such value.
    """
    try:
        value, end = _value(memoryview(data), 0)
    except (struct.error, IndexError, KeyError) as error:
        raise ValueError(f"this is not UBJSON as XGBoost writes it: {error!r}") from None
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes follow the value")
    return value


def _value(data: memoryview, at: int) -> tuple[Any, int]:
    marker = data[at]
    at += 1
    if marker == ord("{"):
        return _object(data, at)
    if marker == ord("["):
        return _array(data, at)
    if marker == ord("S"):
        return _text(data, at)
    if marker in _CONSTANTS:
        return _CONSTANTS[marker], at
    reader = _READERS[marker]
    return reader.unpack_from(data, at)[0], at + reader.size


def _length(data: memoryview, at: int) -> tuple[int, int]:
    if data[at] != ord("L"):
        raise KeyError(data[at])
    length = _LENGTH.unpack_from(data, at + 1)[0]
    if not 0 <= length <= len(data):
        raise IndexError(length)
    return length, at + 9


def _text(data: memoryview, at: int) -> tuple[str, int]:
    length, at = _length(data, at)
    return str(data[at : at + length], "utf-8"), at + length


def _object(data: memoryview, at: int) -> tuple[dict[str, Any], int]:
    result = {}
    while data[at] != ord("}"):
        name, at = _text(data, at)
        result[name], at = _value(data, at)
    return result, at + 1


def _array(data: memoryview, at: int) -> tuple[Any, int]:
    if data[at] == ord("$"):
        dtype = _ARRAYS[data[at + 1]]
        length, at = _length(data, at + 3)
        return np.frombuffer(data, dtype, length, at), at + length * dtype.itemsize
    length, at = _length(data, at + 1)
    values = []
    for _ in range(length):
        value, at = _value(data, at)
        values.append(value)
    return values, at
