"""Which objective a job has, and what its labels must be."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from container.data.table import Kind
from container.errors import DataError, UserError, listing
from container.training.hyperparameters.metric_names import CLASS_METRICS, ELEMENTWISE, RANKING, base_name
from container.training.hyperparameters.parse import Hyperparameters

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """The objective, why it is this one, the number of classes where it takes one, and the gain where it ranks.

    ``continues``: it goes on from an earlier model, which has decided all of it.
    """

    objective: str
    reason: str
    num_class: int | None = None
    exponential_gain: bool = True
    continues: bool = False

    @property
    def ranks(self) -> bool:
        """Whether it learns an order of rows within queries."""
        return self.objective.startswith("rank:")


@dataclass(frozen=True)
class Spread:
    """All labels of the data, over all files and hosts; ``whole``: they are whole numbers."""

    rows: int
    least: float
    greatest: float
    whole: bool = True

    def within(self, least: float, greatest: float) -> bool:
        return self.least >= least and self.greatest <= greatest

    def joined(self, other: "Spread") -> "Spread":
        """That of both."""
        extent = min(self.least, other.least), max(self.greatest, other.greatest)
        return Spread(self.rows + other.rows, *extent, self.whole and other.whole)


SEVERAL_OUTPUTS = (
    "reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "reg:squaredlogerror", "reg:logistic",
    "reg:gamma", "reg:tweedie", "count:poisson",
)  # fmt: skip
"""The objectives XGBoost 3.4 trains with several targets, seen by running them; no classes among them."""

_OTHER_CLASS = "add rows of another class, or name another column in 'target'"


def wants_classes(objective: str | None) -> bool | None:
    """Whether the objective's labels are classes; None while it is open."""
    if objective is None:
        return None
    return objective.startswith(("binary:", "multi:"))


def choose(hyperparameters: Hyperparameters, kind: Kind, classes: tuple[str, ...], outputs: int = 1) -> Task:
    """The job's objective, or where it has none, the one that fits the target.

    Raises:
        UserError: the target's classes, or their number, do not fit the objective asked for.
    """
    asked = hyperparameters.objective
    if outputs > 1:
        _check_several(hyperparameters, outputs)
    if classes and len(classes) < 2:
        raise UserError(f"every row has the class {classes[0]!r}, so there is nothing to tell apart; {_OTHER_CLASS}")
    if asked is None:
        if not classes:
            several = f"the {outputs} targets hold numbers"
            return Task("reg:squarederror", several if outputs > 1 else "the target holds numbers")
        if len(classes) == 2:
            return Task("binary:logistic", f"the target holds two classes, {listing(classes)}")
        return Task("multi:softprob", f"the target holds {len(classes)} classes", len(classes))
    if classes and asked.startswith("binary:") and len(classes) != 2:
        raise UserError(
            f"'objective': {asked} needs a target of two classes, and it has {len(classes)}: {listing(classes, 5)}; "
            "use multi:softprob"
        )
    if not asked.startswith("multi:"):
        # rank:pairwise learns from any label; it is XGBoost's default metric, ndcg, that does not.
        ndcg = asked == "rank:ndcg" or any(name.startswith("ndcg") for name in hyperparameters.eval_metric or ("ndcg",))
        return Task(asked, "as asked", exponential_gain=ndcg and hyperparameters.ndcg_exp_gain is not False)
    given = hyperparameters.num_class
    if given is not None and given < len(classes):
        raise UserError(
            f"'num_class': is {given}, and the target has {len(classes)} classes: {listing(classes, 5)}; leave it out"
        )
    return Task(asked, "as asked", given or len(classes) or None)


def _check_several(hyperparameters: Hyperparameters, outputs: int) -> None:
    asked = hyperparameters.objective
    if asked is not None and asked not in SEVERAL_OUTPUTS:
        raise UserError(
            f"'target' names {outputs} columns, and {asked} learns one; name one, or use {listing(SEVERAL_OUTPUTS, 3)}"
        )
    for metric in hyperparameters.eval_metric:
        if metric in (*CLASS_METRICS, "auc", "aucpr") or base_name(metric) in RANKING:
            raise UserError(f"'eval_metric': {metric!r} is of one target, and 'target' names {outputs}; leave it out")


def with_classes(task: Task, labels: Spread) -> Task:
    """The task with num_class worked out from whole-number labels, where it takes one and has none.

    Raises:
        UserError: all labels are one class, or they are no numbers of classes.
    """
    if not wants_classes(task.objective):
        return task
    if labels.least == labels.greatest:
        raise UserError(f"every label is {labels.least:g}, so there is nothing to tell apart; {_OTHER_CLASS}")
    if task.objective.startswith("binary:") or task.num_class is not None:
        return task
    count = int(labels.greatest) + 1
    if count > labels.rows:  # XGBoost would make room for every one of them in every row
        raise UserError(
            f"the labels go up to {labels.greatest:,.0f} in {labels.rows:,} rows, as numbers do and classes do not; "
            "number the classes from 0, set num_class, or use reg:squarederror"
        )
    if labels.least >= 1:
        log.warning(
            "the least label is %d: of the model's %d classes, those below have no rows; number the classes from 0",
            *(labels.least, count),
        )
    return replace(task, num_class=count)


def check_event_seen(task: Task, labels: Spread) -> None:
    """Refuse survival:cox where every row is censored, which makes XGBoost's predictions NaN.

    Raises:
        UserError: as said.
    """
    if task.objective == "survival:cox" and labels.greatest < 0:
        raise UserError(
            "every label is negative, which for survival:cox means that no event was seen; give the rows whose event "
            "was seen a positive time"
        )


def check_metrics(hyperparameters: Hyperparameters, task: Task, labels: Spread, *, weighted: bool) -> None:
    """Refuse metrics that XGBoost refuses, or finds NaN or greater than 1, for such labels or for rows with weights.

    ``labels`` are those of all channels. Source: seen by running each metric with each objective in XGBoost 3.4.

    Raises:
        UserError: names the metric.
    """
    for metric in hyperparameters.eval_metric:
        if misfit := _misfit(base_name(metric), task, labels, hyperparameters, weighted=weighted):
            raise UserError(f"'eval_metric': {metric!r} {misfit}")


def _misfit(metric: str, task: Task, labels: Spread, hyperparameters: Hyperparameters, *, weighted: bool) -> str | None:
    if task.objective.startswith("multi:"):
        return None
    spread = f"these go from {labels.least:g} to {labels.greatest:g}{'' if labels.whole else ', with fractions'}"
    if metric in ("auc", "aucpr") and not task.ranks and not labels.within(0, 1):
        return f"is for the labels 0 and 1, and {spread}; leave it out"
    if metric in CLASS_METRICS and not labels.whole:
        return f"is for classes, and {spread}; use logloss, or leave it out"
    binary = metric in ("pre", "map") or (metric == "aucpr" and task.ranks)
    if binary and not (labels.within(0, 1) and labels.whole):
        return f"is for the labels 0 and 1, and {spread}; {'use ndcg' if task.ranks else 'leave it out'}"
    gains = metric == "ndcg" and hyperparameters.ndcg_exp_gain is not False
    if gains and not (labels.within(0, 31) and labels.whole):
        return f"is for whole numbers from 0 to 31, and {spread}; set ndcg_exp_gain=0, or leave it out"
    if weighted and task.ranks and metric in ELEMENTWISE:
        return "is of single rows, and in ranking XGBoost weighs whole queries; use 'mse', or leave the weights out"
    if weighted and not task.ranks and metric in RANKING:
        return f"is of queries, which {task.objective} has none of, and so takes no weights of rows; leave it out"
    return None


@dataclass(frozen=True)
class _Rule:
    holds: Callable[[NDArray[np.float64]], NDArray[np.bool_]]
    words: str


_BINARY = _Rule(lambda y: (y == 0) | (y == 1), "must be 0 or 1")
_NOT_NEGATIVE = _Rule(lambda y: y >= 0, "must not be negative")
_POSITIVE = _Rule(lambda y: y > 0, "must be greater than 0")
_RULES = {
    "binary:logistic": _BINARY,
    "binary:logitraw": _BINARY,
    "binary:hinge": _BINARY,
    "reg:logistic": _Rule(lambda y: (y >= 0) & (y <= 1), "must be between 0 and 1"),
    "reg:squaredlogerror": _Rule(lambda y: y > -1, "must be greater than -1"),
    "reg:gamma": _POSITIVE,
    "reg:tweedie": _NOT_NEGATIVE,
    "count:poisson": _NOT_NEGATIVE,
    "rank:ndcg": _NOT_NEGATIVE,
    "rank:map": _BINARY,
    "rank:pairwise": _NOT_NEGATIVE,
    "survival:aft": _POSITIVE,
    "survival:cox": _Rule(lambda y: y != 0, "must be a time, negative where it is censored"),
}
"""What XGBoost's objectives demand of labels; it checks some of it itself, without saying where."""


def check_labels(task: Task, labels: NDArray[np.float64], column: str) -> None:
    """Refuse the first label the objective cannot take; ``labels`` has shape (rows,).

    Raises:
        DataError: with its row.
    """
    remedy = "correct the label, or choose another objective"
    if task.objective.startswith("multi:"):
        top = task.num_class
        fits = (labels >= 0) & (labels == np.floor(labels))
        words = "must be whole numbers from 0"
        if top is not None:
            fits &= labels < top
            words += f" to {top - 1} (num_class - 1)"
            remedy = "number the classes from 0, or correct the label or num_class"
    elif task.objective in ("rank:ndcg", "rank:pairwise") and task.exponential_gain:
        fits = (labels >= 0) & (labels <= 31) & (labels == np.floor(labels))
        words = "must be whole numbers from 0 to 31 (ndcg_exp_gain=0: any number from 0)"
    elif rule := _RULES.get(task.objective):
        fits, words = rule.holds(labels), rule.words
    else:
        return
    if not fits.all():
        row = int(np.argmin(fits))
        raise DataError(
            f"labels for {task.objective} {words}, and this is {labels[row]:g}",
            "correct the label, or train without the channel 'model', which decides that" if task.continues else remedy,
            row=row,
            column=column,
        )
