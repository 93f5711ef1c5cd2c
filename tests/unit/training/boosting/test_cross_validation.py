"""Folds: every row held out once, no fold scored on what it learned from."""

import numpy as np
import pytest

from container.contract.outcome import StopFlag
from container.errors import UserError
from container.training.boosting import rounds as boosting
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


def test_a_seed_may_be_negative():
    below, least = (np.concatenate(list(split(_rows(9), "reg:squarederror", 3, seed))) for seed in (-1, -(2**31) + 1))
    assert sorted(below) == sorted(least) == list(range(9))
    assert list(below) != list(least)


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


@pytest.mark.parametrize(
    ("objective", "predictions", "text"),
    [
        pytest.param(
            "binary:logistic", [0.25, 0.75], 'label,predicted_label,probability\nno,no,0.25\n"a,b","a,b",0.75\n'
        ),
        pytest.param("binary:hinge", [1, 0], 'label,prediction\nno,"a,b"\n"a,b",no\n'),
        pytest.param("binary:logitraw", [1.5, -1], 'label,prediction\nno,1.5\n"a,b",-1\n'),
        pytest.param("multi:softmax", [2, 1], 'label,prediction\nno,2\n"a,b","a,b"\n', id="more than have names"),
        pytest.param(
            "multi:softprob",
            [[0.5, 0.25, 0.25], [0, 1, 0]],
            'label,predicted_label,probability_no,"probability_a,b",probability_2\n'
            'no,no,0.5,0.25,0.25\n"a,b","a,b",0,1,0\n',
        ),
    ],
)
def test_classes_stand_by_their_names(objective, predictions, text):
    predicted = np.array([predictions], dtype=np.float32)
    assert predictions_csv(np.array([0.0, 1.0]), predicted, objective, classes=("no", "a,b")) == text


def test_several_targets_have_columns_by_their_names():
    label, predictions = np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([[[0.5, 1.5], [2.5, 3.5]]], dtype=np.float32)
    text = predictions_csv(label, predictions, "reg:squarederror", ("größe", "a,b"))
    assert text == 'label_größe,"label_a,b",prediction_größe,"prediction_a,b"\n0,1,0.5,1.5\n2,3,2.5,3.5\n'


class StopIn(StopFlag):
    """Asks for a stop after so many rounds, over all folds."""

    def __init__(self, rounds: int) -> None:
        super().__init__()
        self._left = rounds

    def round_done(self) -> None:
        self._left -= 1
        self.requested = self.requested or self._left == 0


@pytest.mark.parametrize(
    ("rounds", "kept", "counted"),
    [
        pytest.param(3, [3], 0, id="in the first fold"),
        pytest.param(4, [4], 1, id="after the first fold"),
        pytest.param(9, [4, 4], 2, id="in the third"),
        pytest.param(14, [4, 4, 4], 3, id="in the second repeat"),
    ],
)
def test_after_a_stop_only_whole_folds_count(rounds, kept, counted, caplog, monkeypatch):
    caplog.set_level("INFO")
    stop = StopIn(rounds)
    line = boosting.line
    monkeypatch.setattr(boosting, "line", lambda *of: (stop.round_done(), line(*of))[1])
    settings = Hyperparameters.parse({"_kfold": "3", "_num_cv_round": "2", "num_round": "4"})
    done = cross_validate([_rows(60)], {"objective": "reg:squarederror", "nthread": 1}, settings, stop)
    assert [booster.num_boosted_rounds() for booster in done.boosters] == kept
    assert (f"standard deviation over {counted} models" in caplog.text) == bool(counted)
    last = caplog.messages[-1]
    if counted:
        scores = [text for text in caplog.messages if text.startswith("[3]\t")]
        mean = np.mean([float(text.rpartition(":")[2]) for text in scores[:counted]])
        assert float(last.rpartition(":")[2]) == pytest.approx(mean, abs=1e-5)
    else:
        assert last == f"stopping after round {rounds - 1}, as asked"
