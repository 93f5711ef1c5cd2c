"""Predictions of which no model says what they mean, written as AWS's XGBoost image in script mode writes them.

Source: sagemaker-containers, ``_encoders.py``, with which the ``default_output_fn`` of that image writes. JSON is the
value itself, with arrays as lists; CSV has a line for each item, each with its end; .npy is what NumPy saves. What is
other here: JSON has no blanks, ``null`` for numbers that are not finite (there ``NaN``, which is no JSON), and the
shortest text that reads back as the same float32; and nothing is pickled.
"""

import csv
import io
import math
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from container.errors import ContainerError
from container.model.values import Values
from container.serving import negotiation, replies

NPY = "application/x-npy"

_JSON = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
_NUMBERS = ("float32", "float64", "int32", "int64")
_NO_CELLS = (dict, list, tuple, set, np.ndarray)
_MIXED = "of several types"


def write(prediction: Any, media_type: str, *, newline: bool = False) -> bytes:
    """A prediction in CSV, JSON or .npy as AWS's image writes it, or in the other formats of replies as ``score``.

    ``newline`` says whether JSON Lines end in one.

    Raises:
        NotAcceptableError: a content type that is not written here.
        ContainerError: the prediction is nothing that can be written in it.
    """
    media_type = media_type if media_type == NPY else negotiation.negotiate(media_type)
    try:
        if media_type == negotiation.JSON:
            return to_json(prediction)
        array = np.asarray(prediction)
        if media_type == NPY:
            return _npy(array)
        if media_type == negotiation.CSV:
            return _csv(array)
        return replies.encode({"score": Values.listed(_scores(array))}, media_type, newline=newline)
    except _UnwritableError as error:
        cause = f"a prediction that is {error} cannot be written as {media_type}"
    except (TypeError, ValueError, RuntimeError) as error:  # of NumPy's, or of what is no array by itself
        cause = f"the prediction cannot be written as {media_type}: {str(error).rstrip('.')}"
    raise ContainerError(f"{cause}; write it in output_fn")


def to_json(value: Any) -> bytes:
    """Any value as it is, with the items of arrays as lists.

    Raises:
        TypeError: there is something in it that JSON has not.
    """
    return orjson.dumps(value, default=_plain, option=_JSON)


class _UnwritableError(Exception):
    """What cannot be written, by the name of its type."""


def _plain(value: Any) -> Any:
    """What orjson does not write by itself, as something nearer to what it does."""
    if type(value) is np.ndarray:
        if value.ndim and not value.flags.c_contiguous:  # a column of a matrix
            return np.ascontiguousarray(value)
        return value[()] if value.ndim == 0 else _text(value).tolist()
    if hasattr(value, "__array__") and not isinstance(value, np.ma.MaskedArray):
        return np.asarray(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, tuple):  # one with names
        return list(value)
    raise TypeError


def _npy(array: NDArray[Any]) -> bytes:
    if array.dtype == object:  # which NumPy would pickle
        raise _UnwritableError(_odd(array) or _MIXED)
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def _csv(array: NDArray[Any]) -> bytes:
    """A line for each item; the values of an item, of whatever shape, side by side."""
    if odd := _odd(array):
        raise _UnwritableError(odd)
    array = np.atleast_1d(array)
    if len(array) and array.dtype.name in _NUMBERS and array.dtype.isnative:
        return replies.encode({"score": Values.listed(array)}, negotiation.CSV, newline=True)
    text = io.StringIO()
    rows = _text(array).reshape(len(array), math.prod(array.shape[1:]))
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _scores(array: NDArray[Any]) -> NDArray[Any]:
    """At least one dimension; numbers but for booleans and halves as they are, and text as objects."""
    if array.dtype.kind in "US":
        array = array.astype(str).astype(object)
    elif array.dtype.kind == "b":
        array = array.astype(np.int32)
    elif array.dtype == np.float16:
        array = array.astype(np.float32)
    if array.dtype == object and not all(isinstance(value, str) for value in array.flat):
        raise _UnwritableError(_odd(array) or _MIXED)
    return np.atleast_1d(array)


def _text(array: NDArray[Any]) -> NDArray[Any]:
    """Bytes as text, all else as it is."""
    return array.astype(str) if array.dtype.kind == "S" else array


def _odd(array: NDArray[Any]) -> str:
    """The type of what is no cell of a table, where there is such a thing: a dict, say, or None in place of a table."""
    objects = array.flat if array.dtype == object else ()
    kinds = _NO_CELLS if array.ndim else (object,)
    return next((type(value).__name__ for value in objects if isinstance(value, kinds)), "")
