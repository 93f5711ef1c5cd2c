"""Answers as recordio-protobuf and as Parquet."""

import io

import numpy as np
from numpy.typing import NDArray

from container.data import recordio_protobuf
from container.model.values import Answer

Present = NDArray[np.bool_] | None


def recordio(answer: Answer, present: Present) -> bytes:
    """One record a row, with a label for each key: numbers as a float32 tensor, text as bytes.

    A row that is not present is a record without labels.
    """
    return recordio_protobuf.write({key: values.flat() for key, values in answer.items()}, present)


def parquet(answer: Answer, present: Present) -> bytes:
    """One column for each value of a row: ``score``, ``probabilities_0``, ``contributions_area`` and so on.

    Numbers are float32 or int32. A row that is not present is null.
    """
    import pyarrow as pa
    from pyarrow import parquet as writer

    columns = {}
    for key, values in answer.items():
        for name, column in zip(values.columns(key), values.flat().T, strict=True):
            if present is None:
                columns[name] = pa.array(column)
            else:
                spread = np.zeros(len(present), dtype=column.dtype)
                spread[present] = column
                columns[name] = pa.array(spread, mask=~present)
    file = io.BytesIO()
    writer.write_table(pa.table(columns), file)
    return file.getvalue()
