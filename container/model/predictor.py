"""Artifact + table → prediction. Nothing here knows of requests, replies or files."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
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
from container.model.evidence import Evidence, Matrix
from container.model.explainer import Explainer
from container.model.forest import Forest
from container.model.outputs import Outputs
from container.model.values import Answer, Values

log = logging.getLogger(__name__)

_SHARED = 1_000_000
"""Trees walked, over all rows, from which several threads share a request: 1 to 10 ms for one."""


@dataclass(frozen=True)
class Prediction:
    """``scores``: what the objective predicts, float32 of shape (rows,), or (rows, outputs) where there are several.

    ``labels`` has each row's class name where the model's target was text.
    """

    scores: NDArray[np.float32]
    labels: list[str] | None = None

    def answer(self) -> Answer:
        """What a request gets that asks for nothing in particular."""
        score = {"score": Values.listed(self.scores)}
        if self.labels is None:
            return score
        return {"predicted_label": Values(np.array(self.labels, dtype=object)), **score}


class Predictor:
    """Predicts with one model, or with several as an ensemble: their mean, or for decided classes their vote.

    Safe to call from several threads. With ``native`` the compiled walker predicts where it has XGBoost's bits, large
    requests with ``threads`` threads, each of which takes a part of the rows.
    """

    def __init__(self, *artifacts: Artifact, native: bool = True, threads: int = 1) -> None:
        first = artifacts[0]
        self.schema: Schema = first.schema
        self.objective = first.objective
        self.outputs = Outputs.of(*artifacts)
        self._boosters = [artifact.booster for artifact in artifacts]
        self._forests = [Forest.build(booster) if native else None for booster in self._boosters]
        self._explainers = [Explainer(booster, use_native=native, threads=threads) for booster in self._boosters]
        self._threads = threads
        self._linear = [artifact.linear for artifact in artifacts]
        # XGBoost's documentation calls prediction thread-safe for trees only.
        self._linear_turn = Lock()

    @property
    def trees(self) -> int | None:
        """How many trees the compiled walker walks for a row; None where XGBoost itself predicts."""
        counts = [forest.trees for forest in self._forests if forest is not None]
        return sum(counts) if len(counts) == len(self._forests) else None

    def predict(self, table: Table | SparseTable) -> Prediction:
        """One prediction per row, in order.

        Raises:
            DataError: the table has no rows, or does not fit the schema; with line and column.
        """
        return self.predict_matrix(self.encode(table))

    def predict_matrix(self, matrix: Matrix) -> Prediction:
        """One prediction per row of numbers that are encoded already, at least one row.

        ``matrix`` is float32 of shape (rows, features), C-contiguous where dense; missing is NaN, or not stored.
        """
        scores = self._scores(matrix)
        return Prediction(scores, self._labels(scores))

    def answer(self, matrix: Matrix, keys: Sequence[str] = ()) -> Answer:
        """The values of these keys, which `outputs` has checked; without any, the prediction.

        ``matrix`` is as for `predict_matrix`.
        """
        if not keys:
            return self.predict_matrix(matrix).answer()
        turn = self._linear_turn if any(self._linear) else nullcontext()
        scores = self._scores(matrix)
        evidence = Evidence(self._boosters, matrix, scores, turn, self._forests, self._explainers)
        return self.outputs.answer(keys, evidence)

    def prepare(self, keys: Sequence[str]) -> None:
        """Do now what the first request for these keys would wait for."""
        if "contributions" in keys:
            for explainer in self._explainers:
                explainer.prepare()

    def encode(self, table: Table | SparseTable) -> Matrix:
        """The table's rows as the boosters take them.

        Raises:
            DataError: the table has no rows, or does not fit the schema; with line and column.
        """
        if table.rows == 0:
            only_names = isinstance(table, Table) and table.names is not None
            cause = "the request has column names but no rows" if only_names else "the request has no rows"
            raise DataError(cause, "send at least one")
        if isinstance(table, Table):
            encoded = self.schema.encode(table)
            if encoded.unseen:
                log.info("categories training never saw count as missing: %s", encoded.unseen)
            return encoded.matrix()
        self.schema.check_sparse(table)
        # The same rows under the model's width: trailing columns no row has are missing in all of them.
        rows = table.matrix
        return sparse.csr_matrix((rows.data, rows.indices, rows.indptr), shape=(table.rows, len(self.schema.features)))

    def _scores(self, matrix: Matrix) -> NDArray[np.float32]:
        models = zip(self._boosters, self._forests, self._linear, strict=True)
        scores = [self._score(*model, matrix) for model in models]
        if len(scores) == 1:
            return scores[0]
        if self.objective in ("multi:softmax", "binary:hinge"):
            return vote(np.stack(scores))
        return np.asarray(np.mean(scores, axis=0, dtype=np.float64), dtype=np.float32)

    def _score(
        self, booster: xgboost.Booster, forest: Forest | None, linear: bool, matrix: Matrix
    ) -> NDArray[np.float32]:
        if forest is not None and isinstance(matrix, np.ndarray):
            return self._walk(forest, matrix)
        if not linear:
            return np.asarray(booster.inplace_predict(matrix, validate_features=False), dtype=np.float32)
        with self._linear_turn:
            return np.asarray(booster.predict(xgboost.DMatrix(matrix), validate_features=False), dtype=np.float32)

    def _walk(self, forest: Forest, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._threads == 1 or len(matrix) * forest.trees < _SHARED:
            return forest.predict(matrix)
        # Threads of this request alone: a pool that is kept would not survive a fork.
        with ThreadPoolExecutor(self._threads) as pool:
            return np.concatenate(list(pool.map(forest.predict, np.array_split(matrix, self._threads))))

    def _labels(self, scores: NDArray[np.float32]) -> list[str] | None:
        return list(self.outputs.named(self.outputs.decide(scores))) if self.schema.classes else None


def vote(classes: NDArray[np.float32]) -> NDArray[np.float32]:
    """The class most models decide for, of equals the lower; ``classes`` has shape (models, rows)."""
    return np.array([np.bincount(votes.astype(np.intp)).argmax() for votes in classes.T], dtype=np.float32)
