"""The boosting rounds: one line each in the log, early stopping, checkpoints, and a stop when asked.

The loop is ours rather than ``xgboost.train``'s, for a resumed job must number its rounds from where it
was: sampling is seeded by the round's number.
"""

import logging
import math
from dataclasses import dataclass, replace
from typing import Any

import xgboost

from container.contract.outcome import StopFlag
from container.model import best_rounds
from container.training.boosting.areas import AreaMetric, area_metric
from container.training.boosting.checkpoints import CHECKPOINT_ATTRIBUTE, Checkpoint, Checkpoints, History
from container.training.boosting.early_stopping import EarlyStopping
from container.training.boosting.elementwise import Elementwise, Evals
from container.training.boosting.metrics import CustomMetric, custom_metric, divide
from container.training.hosts.cluster import ALONE, Cluster
from container.training.hyperparameters.metric_names import as_reported
from container.training.hyperparameters.parse import Hyperparameters
from container.training.refusals import explained

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Boosted:
    """The booster and the metrics of its last round, such as ``validation-rmse``; not ``whole`` after a stop."""

    booster: xgboost.Booster
    scores: dict[str, float]
    whole: bool = True


def train(
    params: dict[str, Any],
    hyperparameters: Hyperparameters,
    train_data: xgboost.DMatrix,
    validation_data: xgboost.DMatrix | None,
    stop: StopFlag,
    checkpoints: Checkpoints | None = None,
    earlier: xgboost.Booster | None = None,
    cluster: Cluster = ALONE,
) -> Boosted:
    """Boost for num_round rounds, or until early stopping or a stop request ends it.

    On several hosts all end after the same round, and the first logs and keeps the checkpoints.

    The rounds go on from the newest of ``checkpoints``, else from the ``earlier`` model, else from nothing.
    With early stopping the booster has the rounds up to the best one only, where it can be cut.

    Raises:
        XGBoostRefusalError: XGBoost cannot train with these parameters on this data.
    """
    evals = [(train_data, "train")]
    if validation_data is not None:
        evals.append((validation_data, "validation"))
    here, params = divide(hyperparameters.eval_metric, params)
    ours = custom_metric(here, params, cluster.total)
    quick = Elementwise.of(params, evals) if cluster.size == 1 else None  # with XGBoost's all hosts do the same
    params, areas = area_metric(params, cluster.gather_arrays) if cluster.size > 1 else (params, None)
    offset = 0 if earlier is None else earlier.num_boosted_rounds()
    end = offset + hyperparameters.num_round
    watch = _watch(hyperparameters, validation_data)
    tuned = hyperparameters.tuning_objective_metric or ""
    if tuned.startswith("validation:") and validation_data is None and cluster.leads:
        log.warning("_tuning_objective_metric=%s: there is no validation channel to compute it on", tuned)
    # XGBoost 3.4 begins to learn the bias of positions in a round 0 only (`LambdaRankObj::GetGradient`).
    numbered_from = offset if params.get("lambdarank_unbiased") else 0
    with explained("train"):
        booster, history = _start(params, evals, end, checkpoints, earlier, cluster, watch)
        if watch is not None:
            watch.see(history)
            if watch.done:  # the checkpoint may be of a job with more patience
                history = {name: scores[: watch.rounds] for name, scores in history.items()}
        first = _length(history)
        for number in range(offset + first, end):
            if watch is not None and watch.done:
                break
            booster.update(train_data, number - numbered_from)
            _record(history, evaluate(booster, evals, number, quick, ours, areas))
            if cluster.leads:
                log.info("%s", _last_line(offset, history))
                _warn_of_no_numbers(history)
            if watch is not None:
                watch.see(history)
            if cluster.any(stop.requested):
                stop.requested = True
                log.info("stopping after round %s, as asked", number)
                break
            if checkpoints is not None:
                checkpoints.after_round(booster, history, number + 1)
        if checkpoints is not None and _length(history) > first:
            checkpoints.save(booster, history, offset + _length(history))
    if _length(history) == first and cluster.leads:
        log.info("%s", _last_line(offset, history))  # there is no other, and a tuning job reads one
    whole = offset + _length(history) == end or (watch is not None and watch.done)
    return replace(_finish(booster, params, history, offset, watch), whole=whole)


def _start(
    params: dict[str, Any],
    evals: Evals,
    most_rounds: int,
    checkpoints: Checkpoints | None,
    earlier: xgboost.Booster | None,
    cluster: Cluster,
    watch: EarlyStopping | None,
) -> tuple[xgboost.Booster, History]:
    checkpoint = None if checkpoints is None else checkpoints.latest(most_rounds)
    if checkpoints is not None and checkpoint is not None and watch is not None and _keeps_last(params):
        watched = replace(watch)
        watched.see(checkpoint.history)
        if (beyond := _length(checkpoint.history) - watched.rounds) > 0:
            checkpoint = checkpoints.latest(checkpoint.rounds - beyond)
    checkpoint = _same_checkpoint(checkpoint, cluster)
    matrices = [data for data, _ in evals]
    if checkpoint is None or _bins_are_sampled(params):
        model = None if earlier is None else earlier.save_raw("ubj")
        booster = xgboost.Booster(params, matrices, model_file=model)
        best_rounds.forget(booster)  # that of the earlier model is not this one's
        if checkpoint is None:
            return booster, {}
        # The matrix keeps the bins that this finds, of the rows that the first round of all samples.
        booster.update(matrices[0], booster.num_boosted_rounds())
    log.info("Resuming after the %s rounds of the newest checkpoint", checkpoint.rounds)
    booster = xgboost.Booster(params, matrices, model_file=checkpoint.model)
    booster.set_attr(**{CHECKPOINT_ATTRIBUTE: None})
    return booster, checkpoint.history


def _bins_are_sampled(params: dict[str, Any]) -> bool:
    """Whether the bins depend on the round that finds them, as XGBoost weighs the rows by that round's hessians."""
    approx = params.get("tree_method") == "approx" or "grow_histmaker" in params.get("updater", "").split(",")
    return approx and params.get("subsample", 1) < 1


def _same_checkpoint(checkpoint: Checkpoint | None, cluster: Cluster) -> Checkpoint | None:
    """The first host's checkpoint, on every host: the folder is one for all, and only that host writes it."""
    if cluster.size == 1:
        return checkpoint
    about = None if checkpoint is None else {"history": checkpoint.history, "rounds": checkpoint.rounds}
    sent = cluster.gather(about)[0]
    model = cluster.from_leader(None if checkpoint is None else bytes(checkpoint.model))
    return None if sent is None or model is None else Checkpoint(bytearray(model), **sent)


def _keeps_last(params: dict[str, Any]) -> str | None:
    """Why such a model cannot be cut to its best round, None where it can."""
    if params.get("booster") == "gblinear":
        return "a linear model keeps its last round"
    if params.get("rate_drop", 0) > 0 or params.get("one_drop"):
        return "with dropout the model keeps its last round, for later rounds have weighed the earlier trees anew"
    return None


def _finish(
    booster: xgboost.Booster, params: dict[str, Any], history: History, offset: int, watch: EarlyStopping | None
) -> Boosted:
    last = _length(history) - 1
    if watch is not None and 0 <= watch.best_round < last:
        best = offset + watch.best_round
        if keeps := _keeps_last(params):
            log.info("The best round was %s, with %.5f; %s", best, watch.best_score, keeps)
        else:
            last = watch.best_round
            log.info("The best round is %s, with %.5f; the model has the rounds up to it", best, watch.best_score)
            booster = booster[: best + 1]
    return Boosted(booster.reset(), {name: scores[last] for name, scores in history.items()} if history else {})


def _watch(hyperparameters: Hyperparameters, validation_data: xgboost.DMatrix | None) -> EarlyStopping | None:
    """Early stopping on the last metric asked for; without eval_metric, on the objective's own."""
    rounds = hyperparameters.early_stopping_rounds
    if not rounds:
        return None
    if validation_data is None:
        log.warning("early_stopping_rounds=%s is ignored: there is no validation channel to watch", rounds)
        return None
    metric = as_reported(hyperparameters.eval_metric[-1]) if hyperparameters.eval_metric else None
    return EarlyStopping(rounds, metric, hyperparameters.min_delta)


def _length(history: History) -> int:
    return len(next(iter(history.values()), ()))


def _last_line(offset: int, history: History) -> str:
    return line(offset + _length(history) - 1, {name: scores[-1] for name, scores in history.items()})


def _warn_of_no_numbers(history: History) -> None:
    """Name each metric once, in the round in which it is the first time no finite number."""
    names = [
        name
        for name, scores in history.items()
        if not math.isfinite(scores[-1]) and all(math.isfinite(score) for score in scores[:-1])
    ]
    if names:
        log.warning(
            "%s: not a finite number, which early stopping never takes for better; does the metric fit the labels?",
            ", ".join(names),
        )


def _record(history: History, scores: dict[str, float]) -> None:
    for name, score in scores.items():
        history.setdefault(name, []).append(score)


def evaluate(
    booster: xgboost.Booster,
    evals: Evals,
    number: int,
    quick: Elementwise | None,
    ours: CustomMetric | None,
    areas: AreaMetric | None = None,
) -> dict[str, float]:
    """The round's scores by data and metric: XGBoost's own metrics, then ours, of train, then of validation."""
    if quick is not None:
        scores = quick.scores(booster, evals)
    else:
        text = booster.eval_set(evals, number)
        scores = {name: float(score) for name, _, score in (item.rpartition(":") for item in text.split("\t")[1:])}
    if areas is not None:
        for data, data_name in evals:
            scores |= {f"{data_name}-{name}": score for name, score in areas(booster, data)}
    if ours is not None:
        for data, data_name in evals:
            predicted = booster.predict(data, training=False)
            scores |= {f"{data_name}-{name}": score for name, score in ours(predicted, data)}
    return {name: scores[name] for _, data_name in evals for name in scores if name.startswith(f"{data_name}-")}


def line(number: int, scores: dict[str, float]) -> str:
    """``[9]<TAB>train-rmse:1.96907<TAB>validation-rmse:2.32804``, the built-in algorithm's line.

    SageMaker's metric definitions and tuning jobs read it.
    """
    return "\t".join([f"[{number}]", *(f"{name}:{score:.5f}" for name, score in scores.items())])
