"""``_kfold``: one model per fold, none scored on rows it learned from, and predictions for every row.

The built-in algorithm's outputs: models ``xgboost-model-0`` …, served together as an ensemble, and
``predictions.csv`` beside them. Rows of the channel validation, where there is one, join the folds.
"""

import csv
import io
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from container.contract.outcome import StopFlag
from container.errors import UserError
from container.model.predictor import vote
from container.training.boosting import rounds
from container.training.boosting.checkpoints import Checkpoints
from container.training.hyperparameters.parse import Hyperparameters
from container.training.rows import matrix
from container.training.rows.encoded import Rows, join, take

log = logging.getLogger(__name__)

Index = NDArray[np.intp]


@dataclass(frozen=True)
class CrossValidated:
    """The fold models, repeats one after the other, and each row's out-of-fold predictions.

    ``predictions`` has shape (repeats, rows) or (repeats, rows, outputs), NaN where a stop came before.
    """

    boosters: list[xgboost.Booster] = field(default_factory=list)
    predictions: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), dtype=np.float32))


def cross_validate(
    parts: Sequence[Rows],
    params: dict[str, Any],
    hyperparameters: Hyperparameters,
    stop: StopFlag,
    checkpoints: Checkpoints | None = None,
) -> CrossValidated:
    """Train ``_num_cv_round`` times ``_kfold`` models; the last line of the log has the means of their metrics.

    After a stop only the folds that were whole count; where none was, the model of its rounds is all there is.

    Raises:
        UserError: there are fewer rows, or queries, than folds.
    """
    rows = join(parts)
    folds, repeats = hyperparameters.kfold or 1, hyperparameters.num_cv_round
    done = CrossValidated()
    predictions: list[NDArray[np.float32]] = []
    scores: dict[str, list[float]] = {}
    for repeat in range(repeats):
        seed = (hyperparameters.seed or 0) + repeat
        out_of_fold: NDArray[np.float32] | None = None
        for number, held_out in enumerate(split(rows, params["objective"], folds, seed)):
            log.info("Fold %s of %s%s", number + 1, folds, f", repeat {repeat + 1} of {repeats}" if repeats > 1 else "")
            boosted, predicted = _fold(
                rows,
                held_out,
                params,
                hyperparameters,
                stop,
                checkpoints and checkpoints.within(f"fold-{repeat}-{number}"),
            )
            if boosted.whole or not done.boosters:  # rather a model of some rounds than none
                done.boosters.append(boosted.booster)
            if not boosted.whole:
                break
            for name, score in boosted.scores.items():
                scores.setdefault(name, []).append(score)
            if out_of_fold is None:
                out_of_fold = np.full((len(rows.label), *predicted.shape[1:]), np.nan, dtype=np.float32)
            out_of_fold[held_out] = predicted
            if stop.requested:
                break
        if out_of_fold is not None:
            predictions.append(out_of_fold)
        if stop.requested:
            break
    if scores:
        _log_scores(scores, hyperparameters.num_round)
    return replace(done, predictions=np.stack(predictions)) if predictions else done


def _fold(
    rows: Rows,
    held_out: Index,
    params: dict[str, Any],
    hyperparameters: Hyperparameters,
    stop: StopFlag,
    checkpoints: Checkpoints | None,
) -> tuple[rounds.Boosted, NDArray[np.float32]]:
    learned_from = np.setdiff1d(np.arange(len(rows.label)), held_out, assume_unique=True)
    train_data = matrix.build([take(rows, learned_from)], params)
    validation = take(rows, held_out)
    validation_data = matrix.build([validation], params, train_data)
    boosted = rounds.train(params, hyperparameters, train_data, validation_data, stop, checkpoints)
    # A plain matrix in the rows' own order: that of a ranking matrix is by query.
    predicted = boosted.booster.predict(xgboost.DMatrix(validation.features, nthread=params.get("nthread")))
    return boosted, np.asarray(predicted, dtype=np.float32)


def split(rows: Rows, objective: str, folds: int, seed: int) -> Iterator[Index]:
    """The held-out rows of each fold, sorted: every row once, in parts of equal size.

    Classes are spread evenly over the folds, and the rows of a query stay together.

    Raises:
        UserError: there are fewer rows, or queries, than folds.
    """
    unit = rows.group if rows.group is not None else np.arange(len(rows.label))
    units, member = np.unique(unit, return_inverse=True)
    if len(units) < folds:
        what = "rows" if rows.group is None else "queries"
        raise UserError(f"'_kfold': {folds} folds need at least {folds} {what}, and the data has {len(units)}")
    order = np.random.default_rng(seed % 2**32).permutation(len(units))
    if rows.group is None and objective.startswith(("binary:", "multi:")):
        order = order[np.argsort(rows.label[order], kind="stable")]
    fold_of = np.empty(len(units), dtype=np.intp)
    fold_of[order] = np.arange(len(units)) % folds
    for number in range(folds):
        yield np.flatnonzero(fold_of[member] == number)


def _log_scores(scores: dict[str, list[float]], num_round: int) -> None:
    log.info("Cross-validation, mean and standard deviation over %s models:", max(map(len, scores.values())))
    for name, values in scores.items():
        log.info("  %s %.5f ± %.5f", name, np.mean(values), np.std(values))
    # The line tuning jobs take as the job's result, for they read the last one.
    log.info("\t".join([f"[{num_round}]", *(f"{name}:{np.mean(values):.5f}" for name, values in scores.items())]))


def predictions_csv(
    label: NDArray[np.float64],
    predictions: NDArray[np.float32],
    objective: str,
    targets: Sequence[str] = (),
    classes: Sequence[str] = (),
) -> str:
    """One line per row: label, then the mean over the repeats of what was predicted for it.

    For classes the second column is the class decided for, and a column of probability follows for each. ``classes``
    stand by their names, where they have some. Several ``targets`` have a label and a prediction each, by their names.
    """
    mean = predictions.mean(axis=0, dtype=np.float64)

    def named(numbers: NDArray[Any]) -> list[str]:
        """num_class may ask for more classes than have names."""
        return [classes[int(of)] if 0 <= of < len(classes) else f"{of:.9g}" for of in numbers]

    columns, names = [named(label)] if label.ndim == 1 else [], ["label"]
    if label.ndim == 2:
        columns = [_numbers(column) for column in (*label.T, *mean.T)]
        names = [f"{what}_{of}" for what in ("label", "prediction") for of in targets]
    elif objective in ("multi:softmax", "binary:hinge"):
        columns.append(named(vote(predictions)))
        names.append("prediction")
    elif objective == "binary:logistic":
        columns += [named(mean > 0.5), _numbers(mean)]
        names += ["predicted_label", "probability"]
    elif objective == "multi:softprob":
        columns += [named(mean.argmax(axis=1)), *map(_numbers, mean.T)]
        names += ["predicted_label", *(f"probability_{of}" for of in named(np.arange(mean.shape[1])))]
    else:
        columns += map(_numbers, mean.T if mean.ndim == 2 else [mean])
        names += [f"prediction_{k}" for k in range(mean.shape[1])] if mean.ndim == 2 else ["prediction"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue()


def _numbers(values: NDArray[Any]) -> list[str]:
    return [f"{value:.9g}" for value in values]
