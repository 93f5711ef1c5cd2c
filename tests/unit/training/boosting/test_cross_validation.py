"""Folds: every row held out once, no fold scored on what it learned from."""

import numpy as np
import pytest

from container.contract.outcome import StopFlag
from container.errors import UserError
from container.training.boosting.cross_validation import cross_validate, predictions_csv, split
from container.training.hyperparameters.parse import Hyperparameters
from container.training.rows.encoded import Rows


def _rows(n: int = 300, *, label=None, group=None, seed: int = 0) -> Rows:
    import pyarrow as pa

    rng = np.random.default_rng(seed)
    features = pa.table({f"x{i}": rng.normal(size=n).astype(np.float32) for i in range(5)})
    label = rng.normal(size=n) if label is None else np.asarray(label, dtype=np.float64)
    return Rows(features, label, None, group)


def test_every_row_is_held_out_once():
    held_out = list(split(_rows(103), "reg:squarederror", 5, seed=1))
    assert sorted(np.concatenate(held_out)) == list(range(103))
    assert {len(fold) for fold in held_out} == {20, 21}


def test_classes_are_spread_evenly():
    label = [1.0] * 10 + [0.0] * 90
    for fold in split(_rows(100, label=label), "binary:logistic", 5, seed=3):
        assert np.asarray(label)[fold].sum() == 2


def test_rows_of_a_query_stay_together():
    group = np.random.default_rng(2).integers(0, 12, 200)
    folds = [set(group[fold]) for fold in split(_rows(200, group=group), "rank:ndcg", 4, seed=0)]
    assert set.union(*folds) == set(range(12))
    assert sum(map(len, folds)) == 12


def test_too_many_folds_are_refused():
    with pytest.raises(UserError, match=r"'_kfold': 5 folds need at least 5 rows, and the data has 3"):
        list(split(_rows(3), "reg:squarederror", 5, seed=0))


def test_noise_cannot_be_predicted(caplog):
    caplog.set_level("INFO")
    rows = _rows(400)
    settings = Hyperparameters.parse({"_kfold": "4", "num_round": "20", "eta": "0.1", "max_depth": "3"})
    params = {"objective": "reg:squarederror", "nthread": 1, "eta": 0.1, "max_depth": 3}
    done = cross_validate([rows], params, settings, StopFlag())
    rmse = float(np.sqrt(np.mean((done.predictions[0] - rows.label) ** 2)))
    assert rmse > 0.98 * rows.label.std()
    assert len(done.boosters) == 4
    last = caplog.messages[-1]
    assert last.startswith("[20]\ttrain-rmse:")
    assert float(last.rpartition("validation-rmse:")[2]) == pytest.approx(rmse, rel=0.02)


def test_repeats_differ_and_a_seed_repeats():
    rows = _rows(60)
    first, second = (list(split(rows, "reg:squarederror", 3, seed)) for seed in (0, 1))
    again = list(split(rows, "reg:squarederror", 3, 0))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(
    ("objective", "predictions", "text"),
    [
        pytest.param("reg:squarederror", [[1.0, 2.0], [2.0, 4.0]], "label,prediction\n0,1.5\n1,3\n", id="mean"),
        pytest.param(
            "binary:logistic", [[0.25, 0.75]], "label,predicted_label,probability\n0,0,0.25\n1,1,0.75\n", id="binary"
        ),
        pytest.param("multi:softmax", [[0, 2], [1, 2], [1, 0]], "label,prediction\n0,1\n1,2\n", id="vote"),
        pytest.param(
            "multi:softprob",
            [[[0.5, 0.25, 0.25], [0.0, 0.25, 0.75]]],
            "label,predicted_label,probability_0,probability_1,probability_2\n0,0,0.5,0.25,0.25\n1,2,0,0.25,0.75\n",
            id="probabilities",
        ),
    ],
)
def test_predictions_csv(objective, predictions, text):
    assert predictions_csv(np.array([0.0, 1.0]), np.array(predictions, dtype=np.float32), objective) == text


def test_several_targets_have_columns_by_their_names():
    label, predictions = np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([[[0.5, 1.5], [2.5, 3.5]]], dtype=np.float32)
    text = predictions_csv(label, predictions, "reg:squarederror", ("größe", "a,b"))
    assert text == 'label_größe,"label_a,b",prediction_größe,"prediction_a,b"\n0,1,0.5,1.5\n2,3,2.5,3.5\n'
