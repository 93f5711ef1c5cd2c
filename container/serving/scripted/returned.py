"""What an input_fn returned, as the rows this image's own model takes: a DataFrame, a DMatrix, an array or a list."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xgboost
from scipy import sparse

from container.data import misfit, structured
from container.data.schema import Schema
from container.data.table import Column, Numbers, Place, Table
from container.errors import DataError
from container.model.evidence import Matrix
from container.model.predictor import Predictor
from container.serving.scripted.hooks import HookError


def rows(data: Any, predictor: Predictor, hook: str) -> Matrix:
    """Rows in the order of the features: by name where the data names its columns, else by position.

    ``hook`` is whose data it is, in messages.

    Raises:
        DataError: they do not fit the model.
        HookError: they are no rows, or more than rows.
    """
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        return predictor.encode(_table(data, predictor.schema))
    matrix = _of_dmatrix(data, predictor.schema, hook) if isinstance(data, xgboost.DMatrix) else _numbers(data, hook)
    width = len(predictor.schema.features)
    if not isinstance(matrix, np.ndarray) and matrix.shape[1] < width:
        # Columns that no row has, the format did not count.
        matrix = sparse.csr_matrix((matrix.data, matrix.indices, matrix.indptr), shape=(matrix.shape[0], width))
    if matrix.ndim != 2 or matrix.shape[1] != width:
        raise DataError(f"input_fn returned the shape {matrix.shape}", f"the model takes rows of {width} values")
    if matrix.shape[0] == 0:
        raise DataError("input_fn returned no rows", "return at least one")
    _check_finite(matrix, predictor.schema)
    return matrix


def kind(value: Any) -> str:
    """What a value is, in words."""
    return f"a {type(value).__name__}"


def _of_dmatrix(data: xgboost.DMatrix, schema: Schema, hook: str) -> Matrix:
    """Its values; what else it may have that a prediction depends on is refused."""
    if isinstance(data, xgboost.QuantileDMatrix | xgboost.ExtMemQuantileDMatrix):
        raise HookError(f"{hook} returned {kind(data)}, which holds bins in place of values; return a DMatrix")
    if data.get_base_margin().size:
        raise HookError(f"{hook} returned a DMatrix with a base_margin, which is not used here; add a predict_fn")
    if not data.get_categories().empty():
        raise HookError(
            f"{hook} returned a DMatrix with categories, whose numbers need not be the model's; "
            "return the DataFrame that it is made of"
        )
    matrix: sparse.csr_matrix = data.get_data()
    names = data.feature_names
    by_place = [str(place) for place in range(data.num_col())]  # as of a DataFrame that has no names itself
    if names is None or names == by_place or not schema.finds(names):
        return matrix
    if absent := [name for name in schema.names if name not in names]:
        raise misfit.absent(absent, names).at("input_fn")
    return sparse.csr_matrix(matrix[:, [names.index(name) for name in schema.names]])


def _numbers(data: Any, hook: str) -> Matrix:
    """float32 of the shape that it has, but for a row alone, which becomes one of several."""
    try:
        if np.ndim(data) == 0 or np.iscomplexobj(data):  # None among them, of which numpy makes a number
            raise TypeError
        with np.errstate(over="ignore"):
            if sparse.issparse(data):
                return sparse.csr_matrix(_narrow(data))
            if isinstance(data, np.ma.MaskedArray):
                data = _narrow(data).filled(np.nan)
            return np.atleast_2d(np.ascontiguousarray(data, dtype=np.float32))
    except (TypeError, ValueError, OverflowError):
        raise HookError(
            f"{hook} returned {kind(data)}, which is no table of numbers; return a DMatrix, a DataFrame or an array"
        ) from None


def _narrow(data: Any) -> Any:
    return data.astype(np.float32)


def _check_finite(matrix: Matrix, schema: Schema) -> None:
    """Raises DataError, with row and column, where a value is infinite: XGBoost has no place for it."""
    if isinstance(matrix, np.ndarray):
        places = np.argwhere(np.isinf(matrix))
    else:
        cells: Any = matrix.tocoo()
        places = np.stack([cells.row, cells.col], axis=1)[np.isinf(cells.data)]
    if not len(places):
        return
    row, column = map(int, places[0])
    raise Place("input_fn", "row").locate(
        DataError(
            "a value is infinite or beyond what a 32-bit float holds",
            "return finite numbers, or NaN where it is not known",
            row=row,
            column=schema.names[column],
        )
    )


def _table(frame: Any, schema: Schema) -> Table:
    """A DataFrame as a table with its columns' names; those that the model does not have may hold anything."""
    place = Place("input_fn", "row")
    names = tuple(map(str, frame.columns))
    unused = schema.unused(names)
    if doubled := [name for name in names if name not in unused and names.count(name) > 1 and schema.finds(names)]:
        raise place.locate(DataError(f"two columns are called {doubled[0]!r}", "give every column a name of its own"))
    blank = Numbers(np.full(len(frame), np.nan))
    try:
        columns = [blank if name in unused else _column(frame.iloc[:, index], name) for index, name in enumerate(names)]
    except DataError as error:
        raise place.locate(error) from None
    return Table(columns, names, len(frame), place)


def _column(series: Any, name: str) -> Column:
    import pyarrow as pa

    from container.data.arrow import from_arrow

    try:
        found = pa.Array.from_pandas(series)
    except (pa.ArrowException, OverflowError):  # values of several types, or of none that Arrow has
        return structured.to_column(_plain(series), name)
    return from_arrow(found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found]), name)


def _plain(series: Any) -> Sequence[Any]:
    """The values as Python's own, None where missing."""
    values = [value.item() if isinstance(value, np.generic) else value for value in series]
    return [None if missing else value for value, missing in zip(values, series.isna(), strict=True)]
