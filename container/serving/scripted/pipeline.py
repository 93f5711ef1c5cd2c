"""Body to reply through a script's hooks, and through this image's own steps where it has none."""

from collections.abc import Callable, Sequence
from typing import Any

import xgboost

from container.data.formats import ContentType, read_request, with_hint
from container.errors import DataError, UserError, listing
from container.model import artifact
from container.model.artifact import Artifact
from container.model.evidence import Matrix
from container.model.predictor import Predictor
from container.serving.scripted import plain, returned
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
                f"model_fn of {hooks.code.script.name} returned {returned.kind(self.model)}, "
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
            self._check_order(matrix.feature_names)
            return self._booster.predict(matrix, validate_features=False)
        return self.model.predict(data)

    def rows(self, data: Any) -> Matrix:
        """What input_fn returned, as the rows this image's own model takes. Raises as `returned.rows` does."""
        assert self._own is not None
        return returned.rows(data, self._own, f"input_fn of {self._hooks.code.script.name}")

    def _check_order(self, given: Sequence[str] | None) -> None:
        """Columns go by position, whatever they are called; but not where their names say that these differ.

        Raises:
            HookError: they are the model's names in another order.
        """
        assert self._reader is not None
        trained = self._reader.schema.names
        if given is not None and tuple(given) != trained and set(given) == set(trained):
            raise HookError(
                f"input_fn of {self._hooks.code.script.name} returned the model's columns in another order, "
                f"{listing(list(given), 4)}; return {listing(trained, 4)}"
            )

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
