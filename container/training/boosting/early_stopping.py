"""When to stop because a metric no longer improves, decided from the scores alone, so that a resumed job agrees."""

import math
import re
from dataclasses import dataclass

from container.training.hyperparameters.metric_names import CLASS_METRICS, base_name

_HIGHER_IS_BETTER = re.compile(r"auc|aucpr|pre|map|ndcg|ams|interval-regression-accuracy|r2")


def higher_is_better(metric: str) -> bool:
    """Whether a metric such as ``ndcg@5`` grows as the model gets better."""
    return metric in CLASS_METRICS or bool(_HIGHER_IS_BETTER.fullmatch(base_name(metric)))


@dataclass
class EarlyStopping:
    """Watches a metric of the validation data, by default the last that is computed.

    A round is better if it beats the best before it by more than ``min_delta``. While every score is NaN there is no
    best round, and nothing to stop for.
    """

    patience: int
    metric: str | None = None
    min_delta: float = 0.0
    best_round: int = -1
    best_score: float = math.nan
    rounds: int = 0

    def see(self, history: dict[str, list[float]]) -> None:
        """Take the scores of all rounds up to now, by data and metric; those seen before are passed over.

        So are those after the round that training ends with.
        """
        name = f"validation-{self.metric}" if self.metric else next(reversed(history), "")
        upwards = higher_is_better(name.partition("-")[2])
        for score in history.get(name, ())[self.rounds :]:
            if self.done:
                break
            gain = score - self.best_score if upwards else self.best_score - score
            if gain > self.min_delta or (math.isnan(self.best_score) and not math.isnan(score)):
                self.best_round, self.best_score = self.rounds, score
            self.rounds += 1

    @property
    def done(self) -> bool:
        """Whether the last ``patience`` rounds brought nothing better."""
        return self.best_round >= 0 and self.rounds - 1 - self.best_round >= self.patience
