"""The boosting rounds: one line each in the log, early stopping, and a stop at the next round when asked."""

import logging
import re
from dataclasses import dataclass
from typing import Any

import xgboost

from container.contract.outcome import StopFlag
from container.errors import ContainerError
from container.training.hyperparameters import Hyperparameters
from container.training.metric_names import CLASS_METRICS, OUR_METRICS
from container.training.metrics import custom_metric

log = logging.getLogger(__name__)

_MAXIMISED = re.compile(r"(auc|aucpr|pre|map|ndcg|ams|interval-regression-accuracy|r2)(@.*|-)?$")


class RoundsError(ContainerError):
    """XGBoost refused to train; the message is its own, without the C++ stack."""


@dataclass(frozen=True)
class Boosted:
    """The booster and the metrics of its last round, such as ``validation-rmse``."""

    booster: xgboost.Booster
    scores: dict[str, float]


def train(
    params: dict[str, Any],
    hyperparameters: Hyperparameters,
    train_data: xgboost.DMatrix,
    validation_data: xgboost.DMatrix | None,
    stop: StopFlag,
) -> Boosted:
    """Boost for num_round rounds, or until early stopping or a stop request ends it.

    With early stopping the booster has the rounds up to the best one only.

    Raises:
        RoundsError: XGBoost cannot train with these parameters on this data.
    """
    evals = [(train_data, "train")]
    if validation_data is not None:
        evals.append((validation_data, "validation"))
    ours = [name for name in hyperparameters.eval_metric if name in OUR_METRICS]
    callbacks: list[xgboost.callback.TrainingCallback] = [RoundLog(stop)]
    if rounds := hyperparameters.early_stopping_rounds:
        if validation_data is None:
            log.warning("early_stopping_rounds=%s is ignored: there is no validation channel to watch", rounds)
        else:
            metric = hyperparameters.eval_metric[-1] if hyperparameters.eval_metric else None
            callbacks.append(_early_stopping(rounds, metric, params))
    history: dict[str, dict[str, list[float]]] = {}
    try:
        booster = xgboost.train(
            params,
            train_data,
            hyperparameters.num_round,
            evals=evals,
            custom_metric=custom_metric(ours, params["objective"]),
            callbacks=callbacks,
            evals_result=history,
            verbose_eval=False,
        )
    except xgboost.core.XGBoostError as error:
        log.error("%s", error)
        raise RoundsError(f"XGBoost cannot train: {reason(error)}") from None
    last = booster.num_boosted_rounds() - 1
    return Boosted(booster, {f"{data}-{m}": values[last] for data, of in history.items() for m, values in of.items()})


def _early_stopping(rounds: int, metric: str | None, params: dict[str, Any]) -> xgboost.callback.EarlyStopping:
    maximise = None if metric is None else metric in CLASS_METRICS or bool(_MAXIMISED.match(metric))
    return xgboost.callback.EarlyStopping(
        rounds=rounds,
        metric_name=metric,
        data_name="validation",
        maximize=maximise,
        save_best=params.get("booster") != "gblinear",
    )


class RoundLog(xgboost.callback.TrainingCallback):
    """Logs ``[9]<TAB>train-rmse:1.96907<TAB>validation-rmse:2.32804``, the built-in algorithm's line, each round.

    SageMaker's metric definitions and tuning jobs read these lines.
    """

    def __init__(self, stop: StopFlag) -> None:
        super().__init__()
        self._stop = stop

    def after_iteration(self, model: Any, epoch: int, evals_log: dict[str, dict[str, Any]]) -> bool:
        scores = [
            f"{data}-{metric}:{values[-1]:.5f}" for data, log in evals_log.items() for metric, values in log.items()
        ]
        log.info("\t".join([f"[{epoch}]", *scores]))
        if self._stop.requested:
            log.info("stopping after round %s, as asked", epoch)
        return self._stop.requested


def reason(error: xgboost.core.XGBoostError) -> str:
    """The sentence in an XGBoost error, without time, source line, condition and stack."""
    text = str(error).partition("\nStack trace")[0].strip()
    text = re.sub(r"^\[[\d:]+\] \S+:\d+: ", "", text)
    text = re.sub(r"^Check failed: .*?(?:: |$)", "", text, count=1)
    return " ".join(text.split()) or "its own check failed; the log has the details"
