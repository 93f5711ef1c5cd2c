"""Bodies and predictions of which no model says what they mean: numbers by position in, plain lists out.

Source: the default handlers of AWS's XGBoost image in script mode, which write JSON as a list of the predictions.
"""

import io
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from scipy import sparse

from container.data import delimited, dialect
from container.data.formats import MEDIA_TYPES, ContentType, Format, read_request, sniff, with_hint
from container.data.schema import Schema
from container.data.table import SparseTable
from container.errors import ContainerError, DataError
from container.model.values import Values
from container.serving import negotiation, replies

NPY = "application/x-npy"

Matrix = NDArray[np.float32] | sparse.csr_matrix


def read(body: bytes, content_type: str | None) -> Matrix:
    """A body's rows: float32 of shape (rows, width), NaN where missing, or CSR where the format is sparse.

    Raises:
        DataError: it is not what the content type says, or holds text.
        UnsupportedMediaTypeError: it is of a type that is not read here.
    """
    kind = ContentType.parse(content_type)
    try:
        width = 1
        if (kind.format or sniff(body)) is Format.CSV:
            text = delimited.decode_text(body, kind.charset)
            width = dialect.of_training(text, header=kind.header, delimiter=None, mentioned=()).width or 1
        table = read_request(body, kind, Schema.from_names(width))
        if table.rows == 0:
            raise DataError("the request has no rows", "send at least one")
        if isinstance(table, SparseTable):
            return table.matrix
        return Schema.from_names(len(table.columns), table.names).encode(table).matrix()
    except DataError as error:
        raise with_hint(error, body, kind) from None


def looks_like(body: bytes) -> str:
    """The content type that a body's first bytes are those of."""
    found = sniff(body)
    return next(name for name, kind in MEDIA_TYPES.items() if kind is found and "/" in name)


def write(prediction: Any, media_type: str, *, newline: bool = False) -> bytes:
    """Predictions, one for each row: a line or item each; in JSON a plain list, as AWS's image writes it.

    Raises:
        NotAcceptableError: a content type that is not written here.
        ContainerError: the predictions are nothing that can be written in it.
    """
    array = _array(prediction)
    if media_type == NPY:
        file = io.BytesIO()
        np.save(file, array, allow_pickle=False)
        return file.getvalue()
    media_type = negotiation.negotiate(media_type)
    if media_type == negotiation.JSON:
        try:
            return orjson.dumps(array if array.dtype != object else array.tolist(), option=orjson.OPT_SERIALIZE_NUMPY)
        except TypeError as error:
            raise ContainerError(f"the prediction cannot be written as JSON: {error}; write it in output_fn") from None
    if array.dtype == object and not all(isinstance(value, str) for value in array.flat):
        found = type(next(value for value in array.flat if not isinstance(value, str))).__name__
        raise ContainerError(f"a prediction that is {found} cannot be written as {media_type}; write it in output_fn")
    return replies.encode({"score": Values.listed(array)}, media_type, newline=newline)


def _array(prediction: Any) -> NDArray[Any]:
    """At least one dimension; numbers as they are but for booleans and halves, anything else as objects."""
    array = np.asarray(prediction)
    if array.dtype.kind in "US":
        array = array.astype(str).astype(object)
    elif array.dtype.kind == "b":
        array = array.astype(np.int32)
    elif array.dtype == np.float16:
        array = array.astype(np.float32)
    return np.atleast_1d(array)
