"""The rounds: their log lines, early stopping and stops."""

import json
import re

import numpy as np
import pytest
import xgboost

from container.contract.outcome import StopFlag
from container.training.boosting import rounds
from container.training.hyperparameters.parse import Hyperparameters
from container.training.refusals import XGBoostRefusalError

RANDOM = np.random.default_rng(0)
X = RANDOM.random((200, 5)).astype(np.float32)
NOISY = X @ np.arange(1, 6) + 4 * RANDOM.normal(size=200)
"""So noisy that the validation error soon rises."""
PARAMS = {"objective": "reg:squarederror", "nthread": 1, "seed_per_iteration": 1}


def matrices(label=NOISY, **about) -> tuple[xgboost.DMatrix, xgboost.DMatrix]:
    return tuple(
        xgboost.DMatrix(X[part], label=label[part], nthread=1, **about) for part in (slice(100), slice(100, 200))
    )


def train(hyperparameters: dict[str, str], params=None, validation=True, label=NOISY, stop=None) -> rounds.Boosted:
    parsed = Hyperparameters.parse(hyperparameters)
    learned_from, held_out = matrices(label)
    given = {**PARAMS, **parsed.booster_params(), **(params or {})}
    return rounds.train(given, parsed, learned_from, held_out if validation else None, stop or StopFlag())


def lines(caplog) -> list[str]:
    return [record.message for record in caplog.records if record.message.startswith("[")]


def warnings(caplog) -> list[str]:
    return [record.message for record in caplog.records if record.levelname == "WARNING"]


@pytest.fixture(autouse=True)
def _info(caplog):
    caplog.set_level("INFO")


def test_a_line_a_round_which_the_platforms_regex_reads(caplog):
    train({"num_round": "3"})
    assert [line.partition("\t")[0] for line in lines(caplog)] == ["[0]", "[1]", "[2]"]
    for line in lines(caplog):
        assert re.fullmatch(r"\[\d\]\ttrain-rmse:\d+\.\d{5}\tvalidation-rmse:\d+\.\d{5}", line)
        # As CloudWatch shows it, read by the expression of the built-in algorithm's metric definitions.
        found = re.match(r".*\[[0-9]+\].*#011validation-rmse:(\S+)", line.replace("\t", "#011"))
        assert float(found[1]) > 0


def test_without_validation_data_the_line_has_the_training_score_alone(caplog):
    train({"num_round": "1"}, validation=False)
    assert re.fullmatch(r"\[0\]\ttrain-rmse:\S+", lines(caplog)[0])


def test_all_metrics_are_in_the_line_training_first_as_asked(caplog):
    train({"num_round": "1", "eval_metric": "mse,mae,r2,rmse"})
    names = re.findall(r"\t([a-z0-9-]+):", lines(caplog)[0])
    assert names == [f"{data}-{name}" for data in ("train", "validation") for name in ("mae", "rmse", "mse", "r2")]


def test_metrics_of_ours_alone_switch_xgboosts_default_off(caplog):
    train({"num_round": "1", "eval_metric": "mse"})
    assert re.findall(r"\t([a-z-]+):", lines(caplog)[0]) == ["train-mse", "validation-mse"]


def test_metrics_of_margins_are_those_of_their_probabilities(caplog):
    label = (np.median(NOISY) < NOISY).astype(float)
    settings = {"num_round": "4", "objective": "binary:logitraw"}
    done = train({**settings, "eval_metric": "error,accuracy,logloss,auc"}, label=label)
    margins = done.booster.predict(matrices(label)[1]).astype(float)
    expected = np.mean(np.logaddexp(0, margins) - matrices(label)[1].get_label() * margins)
    assert done.scores["validation-logloss"] == pytest.approx(expected, rel=1e-6)
    assert done.scores["validation-error"] + done.scores["validation-accuracy"] == 1
    caplog.clear()
    by_default = train(settings, label=label)
    assert by_default.scores["validation-logloss"] == done.scores["validation-logloss"]
    assert re.findall(r"\t([a-z-]+):", lines(caplog)[0]) == ["train-logloss", "validation-logloss"]


def test_mse_is_the_square_of_xgboosts_rmse(caplog):
    done = train({"num_round": "5", "eval_metric": "rmse,mse"})
    assert done.scores["validation-mse"] == pytest.approx(done.scores["validation-rmse"] ** 2, rel=1e-6)


def scores_of(lines: list[str], name: str) -> list[float]:
    return [float(re.search(rf"{name}:(\S+)", line)[1]) for line in lines]


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="the objective's own metric"),
        pytest.param({"eval_metric": "mae,rmse"}, id="the last of XGBoost's"),
        pytest.param({"eval_metric": "rmse,mse"}, id="the last, of ours"),
        pytest.param({"eval_metric": "mse"}, id="ours alone"),
        pytest.param({"eval_metric": "r2"}, id="one that grows"),
    ],
)
def test_early_stopping_keeps_the_rounds_up_to_the_best(given, caplog):
    done = train({"num_round": "60", "early_stopping_rounds": "5", **given})
    name = f"validation-{given.get('eval_metric', 'rmse').rpartition(',')[2]}"
    scores = scores_of(lines(caplog), name)
    best = int(np.argmax(scores) if name.endswith("r2") else np.argmin(scores))
    assert len(scores) == best + 6 < 60
    assert done.booster.num_boosted_rounds() == best + 1
    assert done.scores[name] == pytest.approx(scores[best], abs=1e-5)
    _, held_out = matrices()
    error = np.mean((done.booster.predict(held_out) - NOISY[100:]) ** 2)
    rmse = done.scores.get("validation-rmse", np.sqrt(done.scores.get("validation-mse", error)))
    assert np.sqrt(error) == pytest.approx(rmse, rel=1e-5)
    assert f"The best round is {best}, with " in caplog.text


@pytest.mark.parametrize("metric", ["error@0.70", "error@.7", "error@0.5", "accuracy", "auc", "f1"])
def test_early_stopping_finds_its_metric_under_any_spelling(metric, caplog):
    label = (np.median(NOISY) < NOISY).astype(float)
    train(
        {"num_round": "80", "early_stopping_rounds": "3", "eval_metric": metric, "objective": "binary:logistic"},
        label=label,
    )
    assert 3 < len(lines(caplog)) < 80
    assert "The best round is" in caplog.text


def test_early_stopping_without_validation_data_is_ignored_with_a_warning(caplog):
    done = train({"num_round": "20", "early_stopping_rounds": "2"}, validation=False)
    assert done.booster.num_boosted_rounds() == 20
    assert "early_stopping_rounds=2 is ignored: there is no validation channel to watch" in caplog.text


@pytest.mark.filterwarnings(r"ignore:[\s\S]*contains only positive or negative samples")
def test_a_metric_that_is_nan_in_every_round_stops_nothing(caplog):
    label = np.r_[(np.median(NOISY) < NOISY)[:100], np.ones(100)]
    settings = {"num_round": "8", "early_stopping_rounds": "2", "eval_metric": "auc", "objective": "binary:logistic"}
    done = train(settings, label=label)
    assert done.booster.num_boosted_rounds() == 8
    (said,) = warnings(caplog)
    assert said.startswith("validation-auc: not a finite number, which early stopping never takes for better;")


def test_a_metric_that_is_no_number_any_more_is_named_once(caplog):
    train(
        {"num_round": "9", "objective": "binary:logitraw", "eval_metric": "tweedie-nloglik@1.5,logloss"},
        label=NOISY > 10,
    )
    assert [text.partition(":")[0] for text in warnings(caplog)] == [
        "train-tweedie-nloglik@1.5, validation-tweedie-nloglik@1.5"
    ]


@pytest.mark.parametrize(
    ("validation", "metric", "said"),
    [(False, "validation:rmse", 1), (False, "train:rmse", 0), (True, "validation:rmse", 0)],
)
def test_a_tuned_metric_that_nothing_computes_is_named(validation, metric, said, caplog):
    train({"num_round": "2", "_tuning_objective_metric": metric}, validation=validation)
    text = "_tuning_objective_metric=validation:rmse: there is no validation channel to compute it on"
    assert warnings(caplog) == [text] * said


@pytest.mark.filterwarnings("ignore:.*`booster=gblinear` is deprecated")
def test_a_linear_booster_has_no_rounds_to_leave_out(caplog):
    done = train({"num_round": "50", "early_stopping_rounds": "2", "booster": "gblinear", "eta": "1"})
    scores = scores_of(lines(caplog), "validation-rmse")
    assert len(scores) < 50
    assert done.scores["validation-rmse"] == pytest.approx(scores[-1], abs=1e-5)
    assert "a linear model keeps its last round" in caplog.text


def test_a_stop_ends_after_the_round_under_way(caplog):
    stop = StopFlag()
    stop.requested = True
    done = train({"num_round": "50"}, stop=stop)
    assert done.booster.num_boosted_rounds() == len(lines(caplog)) == 1
    assert "stopping after round 0, as asked" in caplog.text


def test_what_xgboost_refuses_is_explained():
    with pytest.raises(XGBoostRefusalError, match=r"XGBoost cannot train: Invalid Input: 'foo', valid values are"):
        train({"num_round": "1"}, params={"tree_method": "foo"})


def test_the_same_rounds_as_xgboosts_own_loop():
    learned_from, held_out = matrices()
    params = {**PARAMS, "subsample": 0.5}
    reference = xgboost.train(params, learned_from, 10)
    ours = train({"num_round": "10", "subsample": "0.5"})
    np.testing.assert_array_equal(ours.booster.predict(held_out), reference.predict(held_out))
    assert json.loads(ours.booster.save_config())["learner"]["objective"]["name"] == "reg:squarederror"
