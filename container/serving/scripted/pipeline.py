"""Body to reply through a script's hooks, and through this image's own steps where it has none."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xgboost
from scipy import sparse

from container.data.formats import ContentType, read_request, with_hint
from container.data.table import Place, Table
from container.errors import DataError, UserError
from container.model import artifact
from container.model.artifact import Artifact
from container.model.evidence import Matrix
from container.model.predictor import Predictor
from container.serving.scripted import plain
from container.serving.scripted.hooks import HookError, Hooks


class Pipeline:
    """The steps from a body to a prediction for one script and model. One request at a time."""

    def __init__(
        self, hooks: Hooks, model_folder: str, boosters: Sequence[xgboost.Booster], own: Predictor | None
    ) -> None:
        """``boosters`` and ``own`` are this image's own model, for a script without model_fn.

        Raises:
            UserError: model_fn fails, or what it returns needs a predict_fn.
        """
        self._hooks, self._own = hooks, own
        self._booster: xgboost.Booster | None
        if "model_fn" in hooks:
            self.model = hooks.model(model_folder)
            self._booster = _booster(self.model)
            self._reader = Predictor(_described(self._booster), native=False) if self._booster is not None else None
        else:
            self.model = boosters[0] if len(boosters) == 1 else list(boosters)
            self._booster, self._reader = boosters[0], own
        predicts = "predict_fn" in hooks or "transform_fn" in hooks or callable(getattr(self.model, "predict", None))
        if "model_fn" in hooks and not predicts:
            raise UserError(
                f"model_fn of {hooks.code.script.name} returned {_kind(self.model)}, "
                "which has no predict; add a predict_fn"
            )

    @property
    def answers_rows(self) -> bool:
        """Whether what input_fn returns is predicted and answered as the rows of any request are."""
        return self._own is not None and self._hooks.found.keys() == {"input_fn"}

    def data(self, body: bytes, content_type: str | None) -> Any:
        """What input_fn makes of the body, or a DMatrix, or where this image's own model predicts, its matrix."""
        if "input_fn" in self._hooks:
            return self._hooks.call("input_fn", as_given(body, content_type), named_type(body, content_type))
        if self._reader is None:
            return xgboost.DMatrix(plain.read(body, content_type))
        kind = ContentType.parse(content_type)
        try:
            matrix = self._reader.encode(read_request(body, kind, self._reader.schema))
        except DataError as error:
            raise with_hint(error, body, kind) from None
        return self._named(matrix) if self._own is None or "predict_fn" in self._hooks else matrix

    def prediction(self, data: Any) -> Any:
        """What predict_fn makes of the data, or the model's own prediction, an array with a row for each."""
        if "predict_fn" in self._hooks:
            return self._hooks.call("predict_fn", data, self.model)
        if self._own is not None:
            return self._own.predict_matrix(self.rows(data)).scores
        if self._booster is not None:
            matrix = data if isinstance(data, xgboost.DMatrix) else xgboost.DMatrix(data)
            return self._booster.predict(matrix, validate_features=False)
        return self.model.predict(data)

    def rows(self, data: Any) -> Matrix:
        """What input_fn returned, as the rows this image's own model takes.

        Raises:
            DataError: they do not fit the model.
            HookError: they are no rows.
        """
        assert self._own is not None
        if (frame := _table(data)) is not None:
            return self._own.encode(frame)
        if isinstance(data, xgboost.DMatrix):
            data = data.get_data()
        width = len(self._own.schema.features)
        matrix: Matrix
        if sparse.issparse(data):
            given: Any = data
            found = given.tocsr().astype(np.float32)
            # Columns that no row has, the format did not count.
            shape = (found.shape[0], max(width, found.shape[1]))
            matrix = sparse.csr_matrix((found.data, found.indices, found.indptr), shape=shape)
        else:
            try:
                if np.ndim(data) == 0:  # None among them, of which numpy makes a number
                    raise TypeError
                matrix = np.atleast_2d(np.ascontiguousarray(data, dtype=np.float32))
            except (TypeError, ValueError):
                raise HookError(
                    f"input_fn of {self._hooks.code.script.name} returned {_kind(data)}, which is no table of numbers; "
                    "return a DMatrix, a DataFrame or an array"
                ) from None
        if matrix.shape[0] == 0 or matrix.ndim != 2 or matrix.shape[1] != width:
            raise DataError(f"input_fn returned the shape {matrix.shape}", f"the model takes rows of {width} values")
        return matrix

    def _named(self, matrix: Matrix) -> xgboost.DMatrix:
        """The rows with the names and types of the model's columns, which its predict compares."""
        booster = self._booster
        types = booster.feature_types if booster is not None else None
        return xgboost.DMatrix(
            matrix,
            feature_names=booster.feature_names if booster is not None else None,
            feature_types=types,
            enable_categorical="c" in (types or ()),
        )


def as_given(body: bytes, content_type: str | None) -> str | bytes:
    """The body as AWS's image hands it over: text where it is CSV or JSON, else bytes."""
    if named_type(body, content_type).partition(";")[0].strip().casefold() not in ("text/csv", "application/json"):
        return body
    charset = ContentType.parse(content_type).charset or "utf-8"
    try:
        return body.decode(charset)
    except (UnicodeDecodeError, LookupError):
        raise DataError(f"the request body is no text in {charset}", "send UTF-8") from None


def named_type(body: bytes, content_type: str | None) -> str:
    """The content type as it was sent, or where it was not, the one the body's first bytes look like."""
    return content_type or plain.looks_like(body)


def _booster(model: Any) -> xgboost.Booster | None:
    if isinstance(model, xgboost.Booster):
        return model
    get: Callable[[], Any] | None = getattr(model, "get_booster", None)  # XGBClassifier and its kin
    found = get() if callable(get) else None
    return found if isinstance(found, xgboost.Booster) else None


def _described(booster: xgboost.Booster) -> Artifact:
    return Artifact(booster, artifact.schema_of(booster, "that model_fn returned"))


def _table(data: Any) -> Table | None:
    """A DataFrame as a table with its columns' names, None for anything else."""
    if not (hasattr(data, "iloc") and hasattr(data, "columns")):
        return None
    import pyarrow as pa

    from container.data.arrow import from_arrow

    found = pa.Table.from_pandas(data, preserve_index=False)
    names = tuple(map(str, found.column_names))
    columns = [from_arrow(column, name) for column, name in zip(found.columns, names, strict=True)]
    return Table(columns, names, found.num_rows, Place("input_fn", "row"))


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}"
