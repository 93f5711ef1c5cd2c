"""Tables and schema to the arrays a DMatrix is made of: features, labels, weights."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from container.data.arrow import array_of, array_of_text
from container.data.encoding import as_text, check_spelling, encode, shorten
from container.data.formats import AnyTable
from container.data.schema import Role, Schema
from container.data.table import Column, Kind, Numbers, SparseTable, Table
from container.errors import DataError, UserError
from container.training.objective import Task, check_labels
from container.training.rows import groups
from container.training.rows.bounds import check_bounds, without_infinity

if TYPE_CHECKING:
    import pyarrow as pa

Features = Union["pa.Table", sparse.csr_matrix]


@dataclass(frozen=True)
class Rows:
    """One file's rows. ``label`` and ``weight`` float64, ``group`` (query ids) int64, each of shape (rows,).

    ``label`` has shape (rows, outputs) where there are several targets. With ``upper`` (float64 of shape (rows,),
    infinite where not known) it is the lower bound, and that the upper one.
    """

    features: Features
    label: NDArray[np.float64]
    weight: NDArray[np.float64] | None
    group: NDArray[np.int64] | None
    upper: NDArray[np.float64] | None = None


def from_table(table: AnyTable, schema: Schema, task: Task) -> Rows:
    """Encode one table; sparse rows' queries only where the task ranks, for XGBoost's weights would be theirs.

    Raises:
        DataError: a cell, label or weight that cannot be; with file, line and column.
    """
    try:
        rows = _sparse(table, schema, task) if isinstance(table, SparseTable) else _dense(table, schema, task)
        targets = schema.targets or ("label",)
        for label, target in zip(np.atleast_2d(rows.label.T), targets, strict=True):
            _check_present(label, "label", target)
            if rows.upper is None:
                check_labels(task, label, target)
        if rows.upper is not None:
            check_bounds(rows.label, rows.upper, targets[0], _name(schema, Role.UPPER_BOUND))
        if rows.weight is not None:
            column = _name(schema, Role.WEIGHT)
            _check_present(rows.weight, "weight", column)
            if (rows.weight < 0).any():
                row = int(np.argmax(rows.weight < 0))
                raise DataError("the weight is negative", "weights are 0 or more", row=row, column=column)
    except DataError as error:
        raise table.place.locate(error) from None
    return rows


def join(parts: Sequence[Rows]) -> Rows:
    """The rows of all parts, one after the other."""
    if len(parts) == 1:
        return parts[0]
    features: Features
    if isinstance(parts[0].features, sparse.csr_matrix):
        features = sparse.csr_matrix(sparse.vstack([part.features for part in parts]))
    else:
        import pyarrow as pa

        features = pa.concat_tables([part.features for part in parts])
    check_alike(parts)
    weights = [part.weight for part in parts if part.weight is not None]
    queries = [part.group for part in parts if part.group is not None]
    uppers = [part.upper for part in parts if part.upper is not None]
    return Rows(
        features,
        np.concatenate([part.label for part in parts]),
        np.concatenate(weights) if weights else None,
        np.concatenate(queries) if queries else None,
        np.concatenate(uppers) if uppers else None,
    )


def check_alike(parts: Sequence[Rows]) -> None:
    """Refuse parts of which only some have weights or query ids.

    Raises:
        UserError: as said.
    """
    for given in ({part.weight is None for part in parts}, {part.group is None for part in parts}):
        if len(given) > 1:
            raise UserError("some files have weights or query ids and others have none; give all files them, or none")


def digest(parts: Sequence[Rows]) -> str:
    """A short hash of all values, by which a job knows the data of another; how they are parted makes no difference."""
    hashes: list[Any] = []
    for part in parts:
        features = part.features
        if isinstance(features, sparse.csr_matrix):
            arrays = [np.diff(features.indptr), features.indices, features.data]
        else:
            # Codes, not names: the names are in the schema, and buffers of text may differ for equal columns.
            arrays = [_codes(column).to_numpy() for column in features.columns]
        every: list[NDArray[Any] | None] = [*arrays, part.label, part.weight, part.group, part.upper]
        hashes = hashes or [hashlib.sha256() for _ in every]
        for found, array in zip(hashes, every, strict=True):
            found.update(b"" if array is None else np.ascontiguousarray(array))
    return hashlib.sha256(b"".join(found.digest() for found in hashes)).hexdigest()[:16]


def _codes(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        return column
    return pa.chunked_array([chunk.indices.fill_null(-1) for chunk in column.chunks], pa.int32())


def take(rows: Rows, index: NDArray[np.intp]) -> Rows:
    """The rows at these positions, in this order."""
    features = rows.features
    return Rows(
        features[index] if isinstance(features, sparse.csr_matrix) else features.take(index),
        rows.label[index],
        None if rows.weight is None else rows.weight[index],
        None if rows.group is None else rows.group[index],
        None if rows.upper is None else rows.upper[index],
    )


def _sparse(table: SparseTable, schema: Schema, task: Task) -> Rows:
    if table.label is None:
        raise DataError("the rows have no labels", "begin each row with its label", row=0)
    width = len(schema.features)
    rows = table.matrix
    features = sparse.csr_matrix((rows.data, rows.indices, rows.indptr), shape=(table.rows, width))
    label = _number(Numbers(table.label), "label")
    weight = None if table.weight is None else _number(Numbers(table.weight), "weight")
    return Rows(features, label, weight, table.group if task.ranks else None)


def _dense(table: Table, schema: Schema, task: Task) -> Rows:
    columns = {other.role: (table.columns[other.position], other.name) for other in schema.others}
    targets = [(table.columns[o.position], o.name) for o in schema.others if o.role is Role.TARGET]
    for feature in schema.features:
        if feature.kind is Kind.CATEGORY:
            check_spelling(table.columns[feature.position], feature.categories, feature.name)
    target, name = targets[0]
    if len(targets) > 1:
        label = np.stack([_number(*of) for of in targets], axis=1)
    elif schema.classes:
        check_spelling(target, schema.classes, name)
        codes, unseen = encode(target, Kind.CATEGORY, name, schema.classes)
        label = codes.astype(np.float64)
        if unseen:
            row = int(np.argmax(np.isnan(label) & _present(target)))
            written = as_text(target) if isinstance(target, Numbers) else target
            what = shorten(written.values[written.codes[row]])
            if task.continues:
                cause = f"the class {what} is none the model in the channel 'model' has learned"
                raise DataError(cause, "leave its rows out, or train without that channel", row=row, column=name)
            cause = f"the class {what} is none the training data has"
            raise DataError(cause, "add rows of it there", row=row, column=name)
    else:
        label = _number(target, name)
    weight = _number(*columns[Role.WEIGHT]) if Role.WEIGHT in columns else None
    group = groups.codes(*columns[Role.GROUP]) if Role.GROUP in columns else None
    upper = None
    if Role.UPPER_BOUND in columns:
        column, name = columns[Role.UPPER_BOUND]
        upper = _number(without_infinity(column), name)
        upper[np.isnan(upper)] = np.inf
    return Rows(arrow_table(table, schema), label, weight, group, upper)


def _name(schema: Schema, role: Role) -> str:
    """The name of the column that is the rows' label, weight, …, or where columns have no meaning, the role's."""
    return next((other.name for other in schema.others if other.role is role), role.value)


def _present(column: Column) -> NDArray[np.bool_]:
    return ~np.isnan(column.values) if not hasattr(column, "codes") else column.codes >= 0


def _number(column: Column, name: str) -> NDArray[np.float64]:
    try:
        return encode(column, Kind.NUMBER, name)[0].astype(np.float64)
    except DataError as error:
        raise DataError(error.cause, "correct it, or leave the row out", row=error.row, column=name) from None


def _check_present(values: NDArray[np.float64], what: str, column: str) -> None:
    missing = np.isnan(values)
    if missing.any():
        raise DataError(
            f"the {what} is missing", "fill it in, or leave the row out", row=int(np.argmax(missing)), column=column
        )


def arrow_table(table: Table, schema: Schema) -> "pa.Table":
    """The features as Arrow columns, no copies made: float32, and for categories dictionaries with their names.

    XGBoost keeps such names in the model file, so that whoever loads it without this package can predict
    from a frame of named categories.
    """
    import pyarrow as pa

    arrays = []
    encoded = schema.encode_training(table)
    for feature, values in zip(schema.features, encoded.columns, strict=True):
        if feature.kind is Kind.CATEGORY:
            missing = np.isnan(values)
            codes = np.where(missing, 0, values).astype(np.int32)
            names = array_of_text(feature.categories)
            arrays.append(pa.DictionaryArray.from_arrays(array_of(codes, missing), names))
        else:
            arrays.append(array_of(values))
    return pa.Table.from_arrays(arrays, names=booster_names(schema))


def booster_names(schema: Schema) -> list[str]:
    """Feature names as XGBoost allows them: without brackets and ``<``, which its model dumps give a meaning."""
    taken: set[str] = set()
    names = []
    for name in schema.names:
        plain = base = name.translate(str.maketrans("[]<", "()_"))
        number = 2
        while plain in taken:
            plain, number = f"{base}_{number}", number + 1
        taken.add(plain)
        names.append(plain)
    return names
