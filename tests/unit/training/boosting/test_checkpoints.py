"""A job that was cut off and resumed ends with the model, byte for byte, of one that was not."""

import numpy as np
import pytest
import xgboost

from container.contract.outcome import StopFlag
from container.training.boosting import rounds
from container.training.boosting.checkpoints import CHECKPOINT_ATTRIBUTE, KEEP, Checkpoints, unrepeatable
from container.training.boosting.cross_validation import cross_validate
from container.training.hyperparameters.parse import Hyperparameters
from container.training.rows.encoded import Rows, digest
from container.training.rows.matrix import build

BASE = {"max_depth": "3", "eta": "0.3", "seed": "7"}


def _rows(n: int = 200, seed: int = 0) -> Rows:
    import pyarrow as pa

    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4)).astype(np.float32)
    codes = pa.array(rng.integers(0, 5, n).astype(np.int32))
    features = pa.table({**{f"x{i}": x[:, i] for i in range(4)}})
    features = features.append_column("c", pa.DictionaryArray.from_arrays(codes, pa.array(list("abcde"))))
    return Rows(features, (x[:, 0] + x[:, 1] ** 2 + rng.normal(size=n)).astype(np.float64), None, None)


class StopAfter(StopFlag):
    """Asks for a stop once so many rounds are done, as a signal would."""

    def __init__(self, asked: int) -> None:
        self._left = asked

    @property
    def requested(self) -> bool:
        self._left -= 1
        return self._left < 0

    @requested.setter
    def requested(self, value: bool) -> None: ...


def _train(settings, rows, checkpoints=None, stop=None, earlier=None):
    parsed = Hyperparameters.parse({**BASE, **settings})
    params = {"nthread": 1, "seed_per_iteration": 1, "objective": "reg:squarederror", **parsed.booster_params()}
    data = build([rows], params)
    validation = build([_rows(seed=1)], params, data)
    return rounds.train(params, parsed, data, validation, stop or StopFlag(), checkpoints, earlier)


def _raw(boosted):
    return bytes(boosted.booster.save_raw("ubj"))


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="plain"),
        pytest.param({"subsample": "0.5", "colsample_bynode": "0.5"}, id="sampling"),
        pytest.param({"booster": "dart", "rate_drop": "0.3", "subsample": "0.7"}, id="dart"),
        pytest.param({"early_stopping_rounds": "4", "eta": "1"}, id="early-stopping"),
        pytest.param({"eval_metric": "mae,r2", "early_stopping_rounds": "6"}, id="our-metric"),
        pytest.param({"num_parallel_tree": "3", "subsample": "0.5"}, id="forest"),
        pytest.param({"tree_method": "approx"}, id="approx"),
        pytest.param({"tree_method": "approx", "subsample": "0.5"}, id="approx-sampling"),
        pytest.param(
            {"tree_method": "approx", "subsample": "0.5", "sampling_method": "gradient_based"}, id="approx-by-gradient"
        ),
        pytest.param(
            {"updater": "grow_histmaker,prune", "subsample": "0.5"},
            marks=pytest.mark.filterwarnings(r"ignore:[\s\S]*manually specified the `updater`"),
            id="approx-by-updater",
        ),
        pytest.param({"tree_method": "hist", "grow_policy": "lossguide", "max_leaves": "5"}, id="lossguide"),
    ],
)
@pytest.mark.parametrize("cut_after", [1, 5, 9])
def test_resumed_equals_uninterrupted(tmp_path, settings, cut_after):
    settings = {**settings, "num_round": "12", "checkpoint_interval": "1"}
    whole = _train(settings, _rows())
    _train(settings, _rows(), Checkpoints(tmp_path, {}, 1), StopAfter(cut_after))
    resumed = _train(settings, _rows(), Checkpoints(tmp_path, {}, 1))
    assert _raw(resumed) == _raw(whole)
    assert resumed.scores == whole.scores


def test_sampled_bins_of_an_earlier_model_resume(tmp_path):
    settings = {"num_round": "6", "tree_method": "approx", "subsample": "0.5", "sampling_method": "gradient_based"}
    earlier = _train({"num_round": "3"}, _rows(seed=5)).booster
    whole = _train(settings, _rows(), earlier=earlier)
    _train(settings, _rows(), Checkpoints(tmp_path, {}, 1), StopAfter(2), earlier)
    assert _raw(_train(settings, _rows(), Checkpoints(tmp_path, {}, 1), earlier=earlier)) == _raw(whole)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        pytest.param({"objective": "rank:ndcg", "lambdarank_unbiased": "1"}, "lambdarank_unbiased", id="bias"),
        pytest.param({"booster": "gblinear"}, None, id="linear"),
        pytest.param(
            {"booster": "gblinear", "updater": "coord_descent", "feature_selector": "shuffle"},
            "'shuffle'",
            id="shuffle",
        ),
        pytest.param({"seed_per_iteration": "0"}, "seed_per_iteration=0", id="seed"),
        pytest.param({"objective": "rank:ndcg"}, None, id="ranking"),
        pytest.param({"booster": "gblinear", "updater": "coord_descent"}, None, id="coordinates"),
        pytest.param({"feature_selector": "shuffle", "seed_per_iteration": "1"}, None, id="trees"),
    ],
)
def test_what_cannot_be_repeated_is_known(settings, why):
    found = unrepeatable(Hyperparameters.parse(settings).booster_params())
    assert found is None if why is None else why in found


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="cut to the best round"),
        pytest.param({"rate_drop": "0.3"}, id="dropout"),
    ],
)
def test_less_patience_than_before_ends_where_it_would_have(tmp_path, settings, caplog):
    caplog.set_level("INFO")
    settings = {**settings, "num_round": "60", "eta": "1"}
    impatient = {**settings, "early_stopping_rounds": "2"}
    whole = _train(impatient, _rows())
    last = [text for text in caplog.messages if text.startswith("[")][-1]
    ended = int(last[1 : last.index("]")]) + 1
    patient = {**settings, "early_stopping_rounds": "50", "num_round": str(ended + 4)}
    _train(patient, _rows(), Checkpoints(tmp_path, {}, 1))
    caplog.clear()
    resumed = _train(impatient, _rows(), Checkpoints(tmp_path, {}, 1))
    assert _raw(resumed) == _raw(whole)
    assert resumed.scores == whole.scores
    assert [text for text in caplog.messages if text.startswith("[")][-1] == last


def test_a_job_that_was_done_says_its_last_line_again(tmp_path, caplog):
    caplog.set_level("INFO")
    _train({"num_round": "2"}, _rows(), Checkpoints(tmp_path, {}))
    last = [text for text in caplog.messages if text.startswith("[")][-1]
    caplog.clear()
    _train({"num_round": "2"}, _rows(), Checkpoints(tmp_path, {}))
    assert [text for text in caplog.messages if text.startswith("[")] == [last]


def test_more_rounds_go_on_where_fewer_ended(tmp_path, caplog):
    caplog.set_level("INFO")
    whole = _train({"num_round": "20", "subsample": "0.7"}, _rows())
    _train({"num_round": "10", "subsample": "0.7"}, _rows(), Checkpoints(tmp_path, {}))
    caplog.clear()
    more = _train({"num_round": "20", "subsample": "0.7"}, _rows(), Checkpoints(tmp_path, {}))
    assert _raw(more) == _raw(whole)
    assert next(text.partition("\t")[0] for text in caplog.messages if text.startswith("[")) == "[10]"


def test_fewer_rounds_than_a_checkpoint_has_begin_anew_and_say_so(tmp_path, caplog):
    caplog.set_level("INFO")
    _train({"num_round": "4"}, _rows(), Checkpoints(tmp_path, {}))
    fewer = _train({"num_round": "2"}, _rows(), Checkpoints(tmp_path, {}))
    assert _raw(fewer) == _raw(_train({"num_round": "2"}, _rows()))
    assert "has more than 2 rounds and is passed over" in caplog.text


def test_damaged_newest_falls_back(tmp_path, caplog):
    settings = {"num_round": "6", "checkpoint_interval": "2"}
    _train(settings, _rows(), Checkpoints(tmp_path, {}, 2))
    newest = max(tmp_path.iterdir())
    newest.write_bytes(newest.read_bytes()[:-10])
    found = Checkpoints(tmp_path, {}, 2).latest(6)
    assert found is not None
    assert found.rounds == 4
    assert f"{newest.name} is damaged" in caplog.text


def test_another_training_is_named(tmp_path, caplog):
    _train({"num_round": "2"}, _rows(), Checkpoints(tmp_path, {"eta": 0.3, "the train data": "aa"}))
    assert Checkpoints(tmp_path, {"eta": 0.2, "the train data": "aa"}).latest(9) is None
    assert "is of another training and passed over: eta was 0.3 and is 0.2" in caplog.text


def test_only_the_last_are_kept_and_others_left_alone(tmp_path):
    _train({"num_round": "2"}, _rows(), Checkpoints(tmp_path, {"run": 1}, 1))
    _train({"num_round": "8"}, _rows(), Checkpoints(tmp_path, {"run": 2}, 1))
    assert len(list(tmp_path.iterdir())) == 2 + KEEP


def test_a_folder_that_cannot_be_written_costs_a_warning(tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert _train({"num_round": "2"}, _rows(), Checkpoints(blocked / "x", {}, 1)).booster.num_boosted_rounds() == 2
    assert caplog.text.count("cannot be written") == 1


def test_what_a_kill_has_left_half_written_is_removed(tmp_path):
    _train({"num_round": "2"}, _rows(), Checkpoints(tmp_path, {}, 1))
    whole = sorted(tmp_path.iterdir())
    half, other = tmp_path / f".{whole[0].name}.x1", tmp_path / "notes"
    half.write_bytes(b"half")
    other.write_text("mine")
    assert Checkpoints(tmp_path, {}, 1).latest(2).rounds == 2
    assert sorted(tmp_path.iterdir()) == [*whole, other]


def test_checkpoints_are_plain_models(tmp_path):
    _train({"num_round": "3"}, _rows(), Checkpoints(tmp_path, {}, 3))
    (path,) = tmp_path.iterdir()
    assert xgboost.Booster(model_file=path).num_boosted_rounds() == 3


def test_by_time_they_cost_little(tmp_path, monkeypatch):
    clock = iter(range(0, 10_000, 1))
    monkeypatch.setattr("container.training.boosting.checkpoints.time.monotonic", lambda: next(clock))
    store = Checkpoints(tmp_path, {})
    booster = _train({"num_round": "1"}, _rows()).booster
    written = []
    monkeypatch.setattr(store, "save", lambda booster, history, rounds: written.append(rounds))
    for number in range(300):
        store.after_round(booster, {}, number)
    assert 2 <= len(written) <= 4  # a write costs one second of this clock, so they are about 100 s apart


def test_cross_validation_resumes(tmp_path):
    settings = {**BASE, "num_round": "4", "_kfold": "3", "subsample": "0.6"}
    parsed = Hyperparameters.parse(settings)
    params = {"nthread": 1, "seed_per_iteration": 1, "objective": "reg:squarederror", **parsed.booster_params()}
    whole = cross_validate([_rows()], params, parsed, StopFlag())
    cross_validate([_rows()], params, parsed, StopAfter(9), Checkpoints(tmp_path, {}, 1))
    resumed = cross_validate([_rows()], params, parsed, StopFlag(), Checkpoints(tmp_path, {}, 1))
    assert [bytes(b.save_raw("ubj")) for b in resumed.boosters] == [bytes(b.save_raw("ubj")) for b in whole.boosters]
    assert np.array_equal(resumed.predictions, whole.predictions)


def test_an_earlier_model_is_gone_on_from():
    first = _train({"num_round": "3"}, _rows())
    more = _train({"num_round": "4"}, _rows(seed=5), earlier=first.booster)
    assert more.booster.num_boosted_rounds() == 7
    assert bytes(more.booster[:3].save_raw("ubj")) == _raw(first)


def test_the_best_round_of_an_earlier_model_is_not_that_of_the_new(tmp_path):
    first = _train({"num_round": "3"}, _rows())
    first.booster.set_attr(best_iteration="2", best_score="0.5", best_ntree_limit="3")
    more = _train({"num_round": "4"}, _rows(seed=5), Checkpoints(tmp_path, {}, 1), earlier=first.booster)
    assert more.booster.attributes() == {}
    newest = Checkpoints(tmp_path, {}, 1).latest(7)
    assert xgboost.Booster(model_file=newest.model).attributes().keys() == {CHECKPOINT_ATTRIBUTE}


def test_digest_tells_data_apart():
    assert digest([_rows()]) == digest([_rows()])
    assert digest([_rows()]) != digest([_rows(seed=1)])


def test_with_dropout_early_stopping_keeps_the_round_whose_score_it_logs(caplog):
    caplog.set_level("INFO")
    settings = {"rate_drop": "0.5", "early_stopping_rounds": "3", "num_round": "60", "eta": "1"}
    done = _train(settings, _rows())
    assert "with dropout the model keeps its last round" in caplog.text
    label = _rows(seed=1).label
    predicted = done.booster.predict(xgboost.DMatrix(_rows(seed=1).features))
    assert done.scores["validation-rmse"] == pytest.approx(float(np.sqrt(np.mean((predicted - label) ** 2))), rel=1e-5)
