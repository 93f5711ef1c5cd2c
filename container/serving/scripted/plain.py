"""Bodies of which no model says what they mean: numbers by position.

What becomes of predictions of which no model says what they mean is in `encoders`.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from container.data import delimited, dialect
from container.data.formats import MEDIA_TYPES, ContentType, Format, read_request, sniff, with_hint
from container.data.schema import Schema
from container.data.table import SparseTable
from container.errors import DataError

Matrix = NDArray[np.float32] | sparse.csr_matrix


def read(body: bytes, content_type: str | None) -> Matrix:
    """A body's rows: float32 of shape (rows, width), NaN where missing, or CSR where the format is sparse.

    Raises:
        DataError: it is not what the content type says, or holds text.
        UnsupportedMediaTypeError: it is of a type that is not read here.
    """
    kind = ContentType.parse(content_type)
    try:
        width = 0
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
