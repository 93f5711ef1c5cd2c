"""Artifact + table → prediction. Nothing here knows of requests, replies or files."""

import logging
from dataclasses import dataclass
from threading import Lock

import numpy as np
import xgboost
from numpy.typing import NDArray
from scipy import sparse

from container.data.schema import Schema
from container.data.table import SparseTable, Table
from container.errors import DataError
from container.model.artifact import Artifact
from container.model.forest import Forest

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prediction:
    """``scores``: what the objective predicts, float32 of shape (rows,), or (rows, outputs) where there are several.

    ``labels`` has each row's class name where the model's target was text.
    """

    scores: NDArray[np.float32]
    labels: list[str] | None = None


class Predictor:
    """Predicts with one model, or with several as an ensemble: their mean, or for decided classes their vote.

    Safe to call from several threads. With ``native`` the compiled walker predicts where it has XGBoost's bits.
    """

    def __init__(self, *artifacts: Artifact, native: bool = True) -> None:
        first = artifacts[0]
        self.schema: Schema = first.schema
        self.objective = first.objective
        self._boosters = [artifact.booster for artifact in artifacts]
        self._forests = [Forest.build(booster) if native else None for booster in self._boosters]
        self._in_place = first.booster_name != "gblinear"
        # XGBoost's documentation calls prediction thread-safe for trees only.
        self._linear_turn = Lock()

    def predict(self, table: Table | SparseTable) -> Prediction:
        """One prediction per row, in order.

        Raises:
            DataError: the table has no rows, or does not fit the schema; with line and column.
        """
        if table.rows == 0:
            only_names = isinstance(table, Table) and table.names is not None
            cause = "the request has column names but no rows" if only_names else "the request has no rows"
            raise DataError(cause, "send at least one")
        return self.predict_matrix(self._matrix(table))

    def predict_matrix(self, matrix: NDArray[np.float32] | sparse.csr_matrix) -> Prediction:
        """One prediction per row of numbers that are encoded already, at least one row.

        ``matrix`` is float32 of shape (rows, features), C-contiguous where dense; missing is NaN, or not stored.
        """
        scores = self._scores(matrix)
        return Prediction(scores, self._labels(scores))

    def _matrix(self, table: Table | SparseTable) -> NDArray[np.float32] | sparse.csr_matrix:
        if isinstance(table, Table):
            encoded = self.schema.encode(table)
            if encoded.unseen:
                log.info("categories training never saw count as missing: %s", encoded.unseen)
            return encoded.matrix()
        self.schema.check_sparse(table)
        # The same rows under the model's width: trailing columns no row has are missing in all of them.
        rows = table.matrix
        return sparse.csr_matrix((rows.data, rows.indices, rows.indptr), shape=(table.rows, len(self.schema.features)))

    def _scores(self, matrix: NDArray[np.float32] | sparse.csr_matrix) -> NDArray[np.float32]:
        scores = [self._score(*model, matrix) for model in zip(self._boosters, self._forests, strict=True)]
        if len(scores) == 1:
            return scores[0]
        if self.objective in ("multi:softmax", "binary:hinge"):
            return vote(np.stack(scores))
        return np.asarray(np.mean(scores, axis=0, dtype=np.float64), dtype=np.float32)

    def _score(
        self, booster: xgboost.Booster, forest: Forest | None, matrix: NDArray[np.float32] | sparse.csr_matrix
    ) -> NDArray[np.float32]:
        if forest is not None and isinstance(matrix, np.ndarray):
            return forest.predict(matrix)
        if self._in_place:
            return np.asarray(booster.inplace_predict(matrix, validate_features=False), dtype=np.float32)
        with self._linear_turn:
            return np.asarray(booster.predict(xgboost.DMatrix(matrix), validate_features=False), dtype=np.float32)

    def _labels(self, scores: NDArray[np.float32]) -> list[str] | None:
        classes = self.schema.classes
        if not classes:
            return None
        if scores.ndim == 2:
            index = scores.argmax(axis=1)
        else:  # multi:softmax and binary:hinge answer with the class itself
            threshold = {"binary:logistic": 0.5, "binary:logitraw": 0.0}.get(self.objective)
            index = (scores if threshold is None else scores > threshold).astype(np.intp)
        return [classes[i] for i in index]


def vote(classes: NDArray[np.float32]) -> NDArray[np.float32]:
    """The class most models decide for, of equals the lower; ``classes`` has shape (models, rows)."""
    return np.array([np.bincount(votes.astype(np.intp)).argmax() for votes in classes.T], dtype=np.float32)
