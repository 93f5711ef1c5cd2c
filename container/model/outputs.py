"""The keys a model can answer with: those of SAGEMAKER_INFERENCE_OUTPUT in AWS's image, and four of ours.

AWS's are predicted_label, labels, probability, probabilities, raw_score, raw_scores and predicted_score, with the
numbers AWS's image gives, except for multi:softmax, where that gives the class again as its score.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from container.data.schema import Schema
from container.errors import UserError, listing
from container.model.artifact import Artifact
from container.model.evidence import Evidence
from container.model.values import Answer, Names, Values

_LABELS = ("predicted_label", "labels")
_PROBABILITIES = ("probability", "probabilities")
_RAW_SCORES = ("raw_score", "raw_scores")

_THRESHOLDS = {"binary:logistic": 0.5, "binary:logitraw": 0.0, "binary:hinge": 0.5}
"""Above it a row is of class 1."""


class Outputs:
    """What one model can say, and how its evidence says it."""

    def __init__(
        self, schema: Schema, objective: str, *, classes: int = 0, alphas: Sequence[float] = (), linear: bool = False
    ) -> None:
        """``classes`` is num_class, 0 where the objective has none; ``alphas`` are the quantiles it predicts."""
        self._objective = objective
        self._multiclass = objective.startswith("multi:")
        self._classes = classes if self._multiclass else 2
        self._class_names = _padded(schema.classes, self._classes) if schema.classes else None
        self._class_texts = np.array(self._class_names, dtype=object)
        self._alphas = tuple(f"{np.float32(alpha):g}" for alpha in alphas)
        self._targets = schema.targets
        self._features = (*schema.names, _bias(schema.names))
        self.keys: tuple[str, ...] = (*self._of_objective(), "margin", "contributions", *(() if linear else ("leaf",)))
        """Every key the model can answer with."""

    @classmethod
    def of(cls, *artifacts: Artifact) -> "Outputs":
        """Those of a model, or of several that are served together: what all of them can say."""
        first = artifacts[0]
        return cls(
            first.schema,
            first.objective,
            classes=first.num_class or 0,
            alphas=first.quantiles,
            linear=any(artifact.linear for artifact in artifacts),
        )

    def _of_objective(self) -> tuple[str, ...]:
        if self._multiclass or self._objective == "binary:logistic":
            return _LABELS + _PROBABILITIES + _RAW_SCORES
        if self._objective in _THRESHOLDS:
            return _LABELS + _RAW_SCORES
        return ("predicted_score", "quantiles") if self._alphas else ("predicted_score",)

    def check(self, keys: Sequence[str]) -> None:
        """Refuse keys the model cannot answer with.

        Raises:
            UserError: with those it can.
        """
        wrong = tuple(key for key in keys if key not in self.keys)
        if not keys or wrong:
            cause = f"a model of {self._objective} has no output {listing(wrong, 3)}" if wrong else "no output is named"
            raise UserError(f"{cause}; ask for any of {', '.join(self.keys)}")

    def answer(self, keys: Sequence[str], evidence: Evidence) -> Answer:
        """The keys' values; `check` has let them pass."""
        return {key: _VALUES[key](self, evidence) for key in keys}

    def decide(self, scores: NDArray[np.float32]) -> NDArray[np.intp]:
        """The class each score stands for: shape (rows,), or that of the scores where each is a class's or not."""
        if self._multiclass:
            return scores.argmax(axis=1) if scores.ndim == 2 else scores.astype(np.intp)
        return (scores > _THRESHOLDS[self._objective]).astype(np.intp)

    def named(self, classes: NDArray[np.intp]) -> NDArray[Any]:
        """Class names, as objects, where the target was text; else the classes' numbers as int32."""
        if self._class_names is None:
            return classes.astype(np.int32)
        return np.asarray(self._class_texts[classes])

    def predicted_label(self, evidence: Evidence) -> Values:
        return Values.listed(self.named(self.decide(evidence.scores)))

    def labels(self, evidence: Evidence) -> Values:
        every = self.named(np.arange(self._classes))
        return Values.listed(np.broadcast_to(every, (len(evidence.scores), self._classes)))

    def score_of_label(self, evidence: Evidence) -> Values:
        """Of two classes the second one's score, of several the predicted one's."""
        if not self._multiclass:
            return Values.listed(evidence.scores)
        chosen = self.decide(evidence.scores)
        return Values.listed(np.take_along_axis(evidence.class_probabilities, chosen[:, None], axis=1)[:, 0])

    def score_of_each(self, evidence: Evidence) -> Values:
        if self._multiclass:
            return Values.listed(evidence.class_probabilities)
        return Values.listed(np.stack([1 - evidence.scores, evidence.scores], axis=-1))

    def quantiles(self, evidence: Evidence) -> Values:
        return Values(evidence.scores.reshape(-1, len(self._alphas)), (self._alphas,))

    def contributions(self, evidence: Evidence) -> Values:
        """By feature; by class, quantile or target first, where there are several."""
        found = evidence.contributions
        if found.ndim == 2:
            return Values(found, (self._features,))
        numbers = tuple(map(str, range(found.shape[1])))
        groups = self._class_names if self._multiclass else self._alphas or self._targets
        return Values(found, (groups if groups and len(groups) == len(numbers) else numbers, self._features))


def _padded(names: Names, count: int) -> Names:
    """The names, and numbers for the classes beyond them, which num_class asked for and the target never had."""
    return names + tuple(str(number) for number in range(len(names), count))


def _bias(features: Names) -> str:
    name = "bias"
    while name in features:
        name = f"_{name}"
    return name


_VALUES: dict[str, Callable[[Outputs, Evidence], Values]] = {
    "predicted_label": Outputs.predicted_label,
    "labels": Outputs.labels,
    "probability": Outputs.score_of_label,
    "probabilities": Outputs.score_of_each,
    "raw_score": Outputs.score_of_label,
    "raw_scores": Outputs.score_of_each,
    "predicted_score": lambda _, evidence: Values.listed(evidence.scores),
    "quantiles": Outputs.quantiles,
    "margin": lambda _, evidence: Values.listed(evidence.margins),
    "contributions": Outputs.contributions,
    "leaf": lambda _, evidence: Values.listed(evidence.leaves),
}


def check_known(keys: Sequence[str]) -> None:
    """Refuse keys that no model has.

    Raises:
        UserError: with those there are.
    """
    wrong = tuple(key for key in keys if key not in _VALUES)
    if wrong:
        raise UserError(f"no model has an output {listing(wrong, 3)}; ask for any of {', '.join(_VALUES)}")
