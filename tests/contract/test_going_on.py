"""``train`` with a channel ``model``: the rounds added are those XGBoost adds itself, on other rows too."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost

from container.model.artifact import load
from container.model.predictor import Predictor
from tests.contract.job import Job

COUNT = 1500


def frame(seed: int) -> pd.DataFrame:
    """Numbers with missing cells, a category and weights; other values for each seed."""
    random = np.random.default_rng(seed)
    a, b, noise = random.normal(size=(3, COUNT)).round(4)
    color = np.array(["red", "green", "blue", ""])[random.integers(0, 4, COUNT)]
    found = pd.DataFrame({"y": (3 * a + b**2 + (color == "red") + noise).round(3), "a": a, "b": b, "color": color})
    found.loc[:: 7 + seed, "b"] = np.nan
    return found.assign(w=random.integers(1, 5, COUNT))


def csv(seed: int) -> str:
    return frame(seed).to_csv(index=False)


def matrix(seed: int) -> xgboost.DMatrix:
    """A plain matrix of the same rows."""
    of = frame(seed)
    color = pd.Categorical(of["color"].replace("", None), ["blue", "green", "red"])
    return xgboost.DMatrix(of[["a", "b"]].assign(color=color), of["y"], weight=of["w"], nthread=1)


def job(root: Path, earlier: Path | None = None, **settings: object) -> Job:
    """One that learns from other rows if it goes on from an earlier model."""
    made = Job(root, {"num_round": 6, "target": "y", "weight_column": "w", "max_bin": 32, **settings})
    made.channel("train", {"a.csv": csv(0 if earlier is None else 1)}).channel("validation", {"v.csv": csv(2)})
    return made if earlier is None else made.channel("model", {"xgboost-model": earlier.read_bytes()})


@pytest.fixture
def earlier(tmp_path, train) -> Path:
    first = job(tmp_path / "first")
    assert train(first) == 0
    return first.model / "xgboost-model"


def test_the_rounds_added_are_xgboosts_own(tmp_path, train, earlier, capsys):
    capsys.readouterr()
    more = job(tmp_path / "more", earlier)
    assert train(more) == 0
    model = load(more.model / "xgboost-model").booster
    params = {"nthread": 1, "max_bin": 32, "seed_per_iteration": 1}
    expected = xgboost.train(params, matrix(1), 6, xgb_model=load(earlier).booster)
    assert model.get_dump(with_stats=True) == expected.get_dump(with_stats=True)
    log = capsys.readouterr().out
    assert "32 bins, depth 6, and all values for the earlier model" in log
    scores = re.findall(r"^\[11\]\ttrain-rmse:(\S+)\tvalidation-rmse:(\S+)$", log, re.MULTILINE)
    for seed, score in zip((1, 2), scores[0], strict=True):
        error = model.predict(matrix(seed)) - frame(seed)["y"]
        assert float(score) == pytest.approx(np.sqrt(np.average(error**2, weights=frame(seed)["w"])), abs=1e-5)


@pytest.mark.parametrize(
    "settings", [{}, {"subsample": 0.6, "num_parallel_tree": 2}, {"rate_drop": 0.4, "seed": 2}], ids=str
)
def test_a_job_that_is_cut_off_ends_with_the_model_of_one_that_is_not(tmp_path, train, settings, capsys):
    first = job(tmp_path / "first", **settings)
    assert train(first) == 0
    earlier = first.model / "xgboost-model"
    whole = job(tmp_path / "whole", earlier, **settings)
    assert train(whole) == 0
    cut = job(tmp_path / "cut", earlier, **{**settings, "num_round": 2})
    (cut.root / "checkpoints").mkdir()
    assert train(cut) == 0
    cut.hyperparameters["num_round"] = 6
    assert train(cut) == 0
    assert "Resuming after the 8 rounds" in capsys.readouterr().out
    assert (cut.model / "xgboost-model").read_bytes() == (whole.model / "xgboost-model").read_bytes()


def test_trees_with_a_value_for_each_target_go_on_so_and_are_served(tmp_path, train):
    targets = {"target": "y,a"}
    first = job(tmp_path / "first", multi_strategy="multi_output_tree", **targets)
    assert train(first) == 0
    more = job(tmp_path / "more", first.model / "xgboost-model", **targets)
    assert train(more) == 0, more.failure
    model = load(more.model / "xgboost-model")
    assert len(model.booster.get_dump()) == 12
    rows = np.column_stack([frame(2)["b"], np.arange(COUNT) % 3]).astype(np.float32)
    expected = model.booster.inplace_predict(rows, validate_features=False)
    for native in (True, False):
        assert np.array_equal(Predictor(model, native=native).predict_matrix(rows).scores, expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param(
            {"num_parallel_tree": 3, "header": "false"},  # with which these files cannot be read
            "'num_parallel_tree': 3 is asked for, and the model in the channel 'model' has 1; leave it out, or train ",
            id="before-the-data-is-read",
        ),
        pytest.param(
            {"categorical_columns": "b"},
            "'categorical_columns' names 'b', which is no category of the model in the channel 'model'; leave it",
            id="numbers-as-categories",
        ),
    ],
)
def test_what_contradicts_the_earlier_model_is_refused(tmp_path, train, earlier, settings, message):
    more = job(tmp_path / "more", earlier, **settings)
    assert train(more) == 1
    assert more.failure.startswith(message)
    assert more.models == []


def ranked(seed: int) -> str:
    """Grades, queries of ten rows and two numbers."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(300, 2)).round(3)
    return "".join(f"{int(a > 0) + int(a + b > 1)},{i // 10},{a},{b}\n" for i, (a, b) in enumerate(x))


def test_the_bias_of_positions_is_learned_anew(tmp_path, train, capsys):
    settings = {"objective": "rank:ndcg", "group_column": 1, "lambdarank_unbiased": 1, "num_round": 3}
    first = Job(tmp_path / "first", settings).channel("train", {"a.csv": ranked(0)})
    (first.root / "checkpoints").mkdir()
    models = []
    for _ in range(2):  # cut off, it begins again
        assert train(first) == 0
        assert (
            "No checkpoints are kept, and a job that is cut off begins anew: lambdarank_unbiased"
            in capsys.readouterr().out
        )
        models.append((first.model / "xgboost-model").read_bytes())
    assert models[0] == models[1]
    assert list((first.root / "checkpoints").iterdir()) == []
    more = Job(tmp_path / "more", {"group_column": 1, "num_round": 3, "objective": "rank:ndcg"})
    more.channel("train", {"a.csv": ranked(1)}).channel("model", {"xgboost-model": models[0]})
    assert train(more) == 0, more.failure
    rows = np.array([line.split(",") for line in ranked(1).split()], float)
    data = xgboost.DMatrix(rows[:, 2:], rows[:, 0], qid=rows[:, 1], feature_names=["f0", "f1"], nthread=1)
    earlier = load(first.model / "xgboost-model").booster
    params = {"nthread": 1, "seed_per_iteration": 1, "objective": "rank:ndcg", "lambdarank_unbiased": 1}
    expected = xgboost.train(params, data, 3, xgb_model=earlier)
    assert load(more.model / "xgboost-model").booster.get_dump() == expected.get_dump()
