"""Which objective a job gets, and which labels it takes."""

import numpy as np
import pytest

from container.data.table import Kind
from container.errors import DataError, UserError
from container.training.hyperparameters.parse import Hyperparameters
from container.training.objective import (
    Spread,
    Task,
    check_event_seen,
    check_labels,
    check_metrics,
    choose,
    wants_classes,
    with_classes,
)


def chosen(classes: tuple[str, ...] = (), **given: str) -> Task:
    return choose(Hyperparameters.parse(given), Kind.CATEGORY if classes else Kind.NUMBER, classes)


@pytest.mark.parametrize(
    ("classes", "given", "expected"),
    [
        ((), {}, Task("reg:squarederror", "the target holds numbers")),
        (("no", "yes"), {}, Task("binary:logistic", "the target holds two classes, 'no', 'yes'")),
        (("a", "b", "c"), {}, Task("multi:softprob", "the target holds 3 classes", 3)),
        ((), {"objective": "count:poisson"}, Task("count:poisson", "as asked")),
        ((), {"objective": "reg:linear"}, Task("reg:squarederror", "as asked")),
        (("no", "yes"), {"objective": "binary:hinge"}, Task("binary:hinge", "as asked")),
        (("no", "yes"), {"objective": "multi:softmax"}, Task("multi:softmax", "as asked", 2)),
        (("a", "b", "c"), {"objective": "multi:softmax", "num_class": "5"}, Task("multi:softmax", "as asked", 5)),
        ((), {"objective": "multi:softprob"}, Task("multi:softprob", "as asked", None)),
        ((), {"objective": "multi:softprob", "num_class": "4"}, Task("multi:softprob", "as asked", 4)),
    ],
)
def test_choice(classes, given, expected):
    assert chosen(classes, **given) == expected


@pytest.mark.parametrize(
    ("classes", "given", "message"),
    [
        (("yes",), {}, "every row has the class 'yes', so there is nothing to tell apart"),
        (
            ("a", "b", "c"),
            {"objective": "binary:logistic"},
            "'objective': binary:logistic needs a target of two classes",
        ),
        (("a", "b", "c"), {"objective": "multi:softmax", "num_class": "2"}, "'num_class': is 2, and the target has 3"),
    ],
)
def test_classes_that_do_not_fit(classes, given, message):
    with pytest.raises(UserError) as caught:
        chosen(classes, **given)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("objective", "wanted"),
    [(None, None), ("binary:logistic", True), ("multi:softmax", True), ("reg:logistic", False), ("rank:ndcg", False)],
)
def test_whether_labels_are_classes(objective, wanted):
    assert wants_classes(objective) is wanted


def test_num_class_is_worked_out_where_it_is_not_given():
    softmax, spread = Task("multi:softmax", ""), Spread(10, 0, 4)
    assert with_classes(softmax, spread).num_class == 5
    assert with_classes(Task("multi:softmax", "", 7), spread).num_class == 7
    assert with_classes(Task("reg:squarederror", ""), Spread(10, 3, 3)).num_class is None
    assert with_classes(Task("binary:logistic", ""), Spread(10, 0, 1)).num_class is None


@pytest.mark.parametrize(("least", "said"), [(0, False), (1, True)])
def test_classes_that_do_not_begin_at_0_are_said(least, said, caplog):
    assert with_classes(Task("multi:softmax", ""), Spread(10, least, 3)).num_class == 4
    assert ("number the classes from 0" in caplog.text) == said


@pytest.mark.parametrize(
    ("task", "spread", "message"),
    [
        (Task("binary:logistic", ""), Spread(9, 0, 0), "every label is 0, so there is nothing to tell apart; add rows"),
        (
            Task("multi:softmax", "", 3),
            Spread(9, 2, 2),
            "every label is 2, so there is nothing to tell apart; add rows",
        ),
        (
            Task("multi:softmax", ""),
            Spread(9, 0, 9),
            "the labels go up to 9 in 9 rows, as numbers do and classes do not",
        ),
    ],
)
def test_labels_that_tell_nothing_apart(task, spread, message):
    with pytest.raises(UserError) as caught:
        with_classes(task, spread)
    assert str(caught.value).startswith(message)


RELEVANCE = "must be whole numbers from 0 to 31 (ndcg_exp_gain=0: any number from 0)"


@pytest.mark.parametrize(
    ("objective", "fine", "wrong", "words"),
    [
        ("binary:logistic", [0, 1], 2, "must be 0 or 1, and this is 2"),
        ("binary:hinge", [0, 1], -1, "must be 0 or 1, and this is -1"),
        ("binary:logitraw", [0, 1], 0.5, "must be 0 or 1, and this is 0.5"),
        ("reg:logistic", [0, 0.5, 1], 1.5, "must be between 0 and 1, and this is 1.5"),
        ("reg:squaredlogerror", [-0.5, 3], -1, "must be greater than -1, and this is -1"),
        ("reg:gamma", [0.1, 5], 0, "must be greater than 0, and this is 0"),
        ("reg:tweedie", [0, 5], -1, "must not be negative, and this is -1"),
        ("count:poisson", [0, 5], -1, "must not be negative, and this is -1"),
        ("rank:ndcg", [0, 5], -1, f"{RELEVANCE}, and this is -1"),
        ("rank:ndcg", [0, 31], 32, f"{RELEVANCE}, and this is 32"),
        ("rank:pairwise", [0, 5], 0.5, f"{RELEVANCE}, and this is 0.5"),
        ("rank:map", [0, 1], 2, "must be 0 or 1, and this is 2"),
        ("survival:aft", [1, 5], 0, "must be greater than 0, and this is 0"),
        ("survival:cox", [1, -5], 0, "must be a time, negative where it is censored, and this is 0"),
        ("multi:softmax", [0, 1, 900], 1.5, "must be whole numbers from 0, and this is 1.5"),
        ("multi:softprob", [0, 1], -1, "must be whole numbers from 0, and this is -1"),
    ],
)
def test_labels_by_objective(objective, fine, wrong, words):
    task = Task(objective, "")
    check_labels(task, np.array(fine, dtype=np.float64), "y")
    with pytest.raises(DataError) as caught:
        check_labels(task, np.array([*fine, wrong, wrong], dtype=np.float64), "y")
    assert caught.value.cause == f"labels for {objective} {words}"
    assert (caught.value.row, caught.value.column) == (len(fine), "y")


def test_labels_beyond_num_class():
    with pytest.raises(DataError, match=r"must be whole numbers from 0 to 2 \(num_class - 1\), and this is 3"):
        check_labels(Task("multi:softmax", "", 3), np.array([0.0, 3.0]), "y")


@pytest.mark.parametrize("objective", ["multi:softmax", "binary:logistic"])
def test_labels_that_an_earlier_model_does_not_know(objective):
    with pytest.raises(DataError) as caught:
        check_labels(Task(objective, "", 3, continues=True), np.array([0.0, 3.0]), "y")
    assert caught.value.remedy == "correct the label, or train without the channel 'model', which decides that"


@pytest.mark.parametrize(
    "objective", ["reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "reg:quantileerror"]
)
def test_objectives_that_take_any_number(objective):
    check_labels(Task(objective, ""), np.array([-1e30, 0, 1e30]), "y")


@pytest.mark.parametrize("given", [{"ndcg_exp_gain": "0"}, {"objective": "rank:pairwise", "eval_metric": "pre"}])
def test_relevance_may_be_any_number_where_no_exponent_is_taken_of_it(given):
    task = choose(Hyperparameters.parse({"objective": "rank:ndcg", **given}), Kind.NUMBER, ())
    check_labels(task, np.array([0, 0.5, 100]), "y")
    with pytest.raises(DataError, match="must not be negative"):
        check_labels(task, np.array([0.0, -1]), "y")


def test_survival_without_an_event():
    check_event_seen(Task("survival:cox", ""), Spread(3, -5, 2))
    check_event_seen(Task("reg:squarederror", ""), Spread(3, -5, -2))
    with pytest.raises(UserError, match="every label is negative, which for survival:cox means that no event"):
        check_event_seen(Task("survival:cox", ""), Spread(3, -5, -2))


def test_several_targets():
    assert choose(Hyperparameters.parse({}), Kind.NUMBER, (), 2).objective == "reg:squarederror"
    assert choose(Hyperparameters.parse({"objective": "reg:gamma"}), Kind.NUMBER, (), 2).objective == "reg:gamma"
    for metric in ("auc", "accuracy", "ndcg@5", "map"):
        with pytest.raises(UserError, match=f"'eval_metric': '{metric}' is of one target, and 'target' names 2"):
            choose(Hyperparameters.parse({"objective": "reg:logistic", "eval_metric": metric}), Kind.NUMBER, (), 2)
    with pytest.raises(
        UserError, match=r"'target' names 2 columns, and multi:softmax learns one; name one, or use 'reg"
    ):
        choose(Hyperparameters.parse({"objective": "multi:softmax"}), Kind.NUMBER, (), 2)


@pytest.mark.parametrize(
    ("metric", "objective", "labels", "weighted", "message"),
    [
        (
            "auc",
            "reg:squarederror",
            Spread(9, 0, 4),
            False,
            "'auc' is for the labels 0 and 1, and these go from 0 to 4",
        ),
        ("map@5", "count:poisson", Spread(9, 0, 4), False, "'map@5' is for the labels 0 and 1, and .*; leave it out"),
        ("pre", "reg:logistic", Spread(9, 0, 1, False), False, "'pre' is for the labels 0 and 1"),
        (
            "f1",
            "reg:logistic",
            Spread(9, 0, 1, False),
            False,
            "'f1' is for classes, and these go from 0 to 1, with frac",
        ),
        ("map", "rank:ndcg", Spread(9, 0, 4), False, "'map' is for the labels 0 and 1, and these .*; use ndcg"),
        ("aucpr", "rank:pairwise", Spread(9, 0, 4), False, "'aucpr' is for the labels 0 and 1"),
        ("ndcg", "reg:squarederror", Spread(9, -1, 4), False, "'ndcg' is for whole numbers from 0 to 31, and these go"),
        ("ndcg-", "reg:squarederror", Spread(9, 0, 40), False, "from 0 to 40; set ndcg_exp_gain=0, or leave it out"),
        ("rmse", "rank:ndcg", Spread(9, 0, 4), True, "'rmse' is of single rows, .*; use 'mse', or leave the weights"),
        ("error@0.7", "rank:map", Spread(9, 0, 1), True, "'error@0.7' is of single rows"),
        (
            "ndcg@5",
            "reg:squarederror",
            Spread(9, 0, 4),
            True,
            "'ndcg@5' is of queries, which reg:squarederror has none",
        ),
        ("map", "binary:logistic", Spread(9, 0, 1), True, "'map' is of queries, .*; leave it out"),
    ],
)
def test_a_metric_that_does_not_fit_labels_or_weights_is_refused(metric, objective, labels, weighted, message):
    hyperparameters = Hyperparameters.parse({"eval_metric": metric})
    with pytest.raises(UserError, match=message):
        check_metrics(hyperparameters, Task(objective, ""), labels, weighted=weighted)


@pytest.mark.parametrize(
    ("metric", "objective", "labels", "weighted"),
    [
        ("auc", "reg:logistic", Spread(9, 0, 1, False), True),
        ("f1", "reg:logistic", Spread(9, 0, 1), False),
        ("auc", "rank:ndcg", Spread(9, 0, 4), True),
        ("auc", "multi:softprob", Spread(9, 0, 4), True),
        ("map", "binary:logistic", Spread(9, 0, 1), False),
        ("map", "rank:pairwise", Spread(9, 0, 1), True),
        ("ndcg", "reg:squarederror", Spread(9, 0, 31), False),
        ("mse", "rank:ndcg", Spread(9, 0, 4), True),
        ("rmse", "rank:ndcg", Spread(9, 0, 4), False),
    ],
)
def test_a_metric_that_fits(metric, objective, labels, weighted):
    check_metrics(Hyperparameters.parse({"eval_metric": metric}), Task(objective, ""), labels, weighted=weighted)


def test_gains_that_are_not_exponential_take_any_label():
    hyperparameters = Hyperparameters.parse({"eval_metric": "ndcg", "ndcg_exp_gain": "0"})
    check_metrics(hyperparameters, Task("reg:squarederror", ""), Spread(9, -1, 40, False), weighted=False)
