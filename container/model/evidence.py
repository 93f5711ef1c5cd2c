"""What boosters say of encoded rows beside their prediction: margins, contributions of the features, leaves."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cached_property

import numpy as np
import xgboost
from numpy.typing import NDArray
from scipy import sparse

from container.model.apart import apart
from container.model.explainer import Explainer
from container.model.forest import Forest

Matrix = NDArray[np.float32] | sparse.csr_matrix


class Evidence:
    """One request's rows under the boosters of a model; each figure is worked out when it is asked for.

    ``scores`` is the prediction. Of an ensemble, margins and contributions are the models' means, so that the
    ones still sum to the others, and leaves are the models' one after the other.
    """

    def __init__(
        self,
        boosters: Sequence[xgboost.Booster],
        matrix: Matrix,
        scores: NDArray[np.float32],
        turn: AbstractContextManager[object],
        forests: Sequence[Forest | None],
        explainers: Sequence[Explainer],
    ) -> None:
        """``forests`` and ``explainers`` are the boosters'; where they can they give XGBoost's bits, sooner."""
        self.scores = scores
        self._boosters, self._matrix, self._turn = boosters, matrix, turn
        self._forests, self._explainers = forests, explainers

    @cached_property
    def _rows(self) -> xgboost.DMatrix:
        return xgboost.DMatrix(self._matrix, nthread=1)

    @cached_property
    def _margins(self) -> list[NDArray[np.float32]]:
        if isinstance(self._matrix, np.ndarray) and None not in self._forests:
            return [forest.margin(self._matrix) for forest in self._forests if forest is not None]
        return self._ask("output_margin")

    @cached_property
    def margins(self) -> NDArray[np.float32]:
        """The sums of the leaves, before the objective's function; shape (rows,) or (rows, outputs)."""
        return _mean(self._margins)

    @cached_property
    def class_probabilities(self) -> NDArray[np.float32]:
        """What multi:softprob predicts, also for multi:softmax, which keeps it to itself; shape (rows, classes)."""
        if self.scores.ndim == 2:
            return self.scores
        return _mean([softmax(margins) for margins in self._margins])

    @cached_property
    def contributions(self) -> NDArray[np.float32]:
        """TreeSHAP: what each feature adds to the margin, the bias last.

        Shape (rows, features + 1), or (rows, outputs, features + 1).
        """
        found = [explainer.contributions(self._matrix) for explainer in self._explainers]
        if any(one is None for one in found):
            return _mean(self._ask("pred_contribs"))
        return _mean([one for one in found if one is not None])

    @cached_property
    def leaves(self) -> NDArray[np.int32]:
        """The node each row ends in, by tree; shape (rows, trees)."""
        found = [leaves.reshape(len(self.scores), -1) for leaves in self._ask("pred_leaf")]
        return np.concatenate(found, axis=1).astype(np.int32)

    def _ask(self, what: str) -> list[NDArray[np.float32]]:
        with self._turn:
            return [
                apart(booster.predict, self._rows, validate_features=False, **{what: True})
                for booster in self._boosters
            ]


def softmax(margins: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities from margins, both of shape (rows, classes)."""
    powers = np.exp(margins - margins.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)


def _mean(values: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    return values[0] if len(values) == 1 else np.asarray(np.mean(values, axis=0, dtype=np.float64), dtype=np.float32)
