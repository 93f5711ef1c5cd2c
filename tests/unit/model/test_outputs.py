"""Every key of every kind of model: there where it can be, with the right values, and refused elsewhere."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
import xgboost
from numpy.typing import NDArray

from container.data.schema import Feature, Other, Role, Schema
from container.errors import UserError
from container.model.artifact import Artifact
from container.model.outputs import check_known
from container.model.predictor import Predictor
from container.model.values import Values
from tests.unit.model.boosters import CASES, trained

LABELS, PROBABILITIES, RAW = (
    ("predicted_label", "labels"),
    ("probability", "probabilities"),
    ("raw_score", "raw_scores"),
)
OURS = ("margin", "contributions", "leaf")


@cache
def predictor(name: str, classes: tuple[str, ...] = ()) -> Predictor:
    booster = trained(name)
    width = booster.num_features()
    return Predictor(Artifact(booster, Schema(Schema.from_names(width).features, classes=classes)))


def rows(width: int) -> NDArray[np.float32]:
    random = np.random.default_rng(5)
    X = random.normal(scale=2, size=(40, width)).astype(np.float32)
    X[random.random(X.shape) < 0.1] = np.nan
    return X


def ask(model: Predictor, *keys: str) -> dict[str, Values]:
    model.outputs.check(keys)
    return model.answer(rows(len(model.schema.features)), keys)


def keys_of(objective: str) -> tuple[str, ...]:
    if objective == "binary:logistic" or objective.startswith("multi:"):
        return LABELS + PROBABILITIES + RAW
    if objective.startswith("binary:"):
        return LABELS + RAW
    return ("predicted_score", "quantiles") if objective == "reg:quantileerror" else ("predicted_score",)


@pytest.mark.parametrize("name", CASES)
def test_the_keys_there_are(name):
    model = predictor(name)
    assert model.outputs.keys == keys_of(model.objective) + OURS
    answer = ask(model, *model.outputs.keys)
    assert list(answer) == list(model.outputs.keys)
    for values in answer.values():
        assert len(values.array) == 40
        places = zip(values.names, values.array.shape[1:], strict=True)
        assert all(names is None or len(names) == size for names, size in places)
    for key in {*LABELS, *PROBABILITIES, *RAW, "predicted_score", "quantiles", "leaf"} - set(model.outputs.keys):
        with pytest.raises(UserError, match=f"has no output '{key}'; ask for any of .*margin, contributions"):
            model.outputs.check([key])


@pytest.mark.parametrize("name", [name for name in CASES if name != "many features"])
def test_contributions_add_up_to_the_margin(name):
    model = predictor(name)
    answer = ask(model, "margin", "contributions")
    X = rows(len(model.schema.features))
    margin = model._boosters[0].inplace_predict(X, predict_type="margin", validate_features=False)
    np.testing.assert_array_equal(answer["margin"].array, margin)
    contributions = answer["contributions"]
    scale = np.abs(contributions.array).sum(axis=-1)
    assert (np.abs(contributions.array.sum(axis=-1) - margin) <= 1e-5 * scale).all()
    assert contributions.names[-1] == (*model.schema.names, "bias")


@pytest.mark.parametrize("name", ["softprob", "softmax", "vector leaves of classes", "dart of classes"])
def test_several_classes(name):
    model = predictor(name)
    answer = {key: values.array for key, values in ask(model, *LABELS, *PROBABILITIES, *RAW, "margin").items()}
    margin = answer["margin"].astype(np.float64)
    expected = np.exp(margin) / np.exp(margin).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(answer["probabilities"], expected, rtol=1e-5)
    np.testing.assert_array_equal(answer["predicted_label"], margin.argmax(axis=1))
    np.testing.assert_array_equal(answer["probability"], answer["probabilities"].max(axis=1))
    np.testing.assert_array_equal(answer["raw_scores"], answer["probabilities"])
    np.testing.assert_array_equal(answer["raw_score"], answer["probability"])
    assert (answer["labels"] == np.arange(margin.shape[1])).all()
    if name == "softprob":
        np.testing.assert_array_equal(answer["probabilities"], model.predict_matrix(rows(6)).scores)


@pytest.mark.parametrize(
    ("name", "threshold"), [("binary:logistic", 0.5), ("binary:logitraw", 0), ("binary:hinge", 0.5)]
)
def test_two_classes(name, threshold):
    model = predictor(name)
    scores = model.predict_matrix(rows(6)).scores
    answer = ask(model, *LABELS, *RAW, *(PROBABILITIES if name == "binary:logistic" else ()))
    assert answer["predicted_label"].array.tolist() == [int(score > threshold) for score in scores]
    assert 0 < sum(answer["predicted_label"].array) < 40
    assert answer["labels"].array[0].tolist() == [0, 1]
    for one, all_of_them in (PROBABILITIES, RAW):
        if one in answer:
            np.testing.assert_array_equal(answer[one].array, scores)
            np.testing.assert_array_equal(answer[all_of_them].array, np.column_stack([1 - scores, scores]))


def test_several_labels_at_once_have_a_list_each():
    answer = ask(predictor("logistic targets"), "predicted_label", "probability", "probabilities", "contributions")
    assert answer["predicted_label"].array.shape == answer["probability"].array.shape == (40, 3)
    assert answer["probabilities"].array.shape == (40, 3, 2)
    assert answer["contributions"].names[0] == ("0", "1", "2")


def test_several_targets_go_by_their_names():
    names = ("price", "days", "rent", "tax")
    others = tuple(Other(name, 6 + place, Role.TARGET) for place, name in enumerate(names))
    features = Schema.from_names(6).features
    model = Predictor(Artifact(trained("targets"), Schema(features, others, named=True)))
    assert ask(model, "contributions")["contributions"].names[0] == names
    model = Predictor(Artifact(trained("targets"), Schema(features, others[:1], named=True)))
    assert ask(model, "contributions")["contributions"].names[0] == ("0", "1", "2", "3")


def test_classes_go_by_their_names():
    model = predictor("softmax", ("red", "green", "blue", "white"))
    answer = ask(model, "predicted_label", "labels", "contributions")
    numbers = model.predict_matrix(rows(6)).scores.astype(int)
    names = ["red", "green", "blue", "white", "4"]  # num_class is 5, and the target has only four
    assert answer["predicted_label"].array.tolist() == [names[number] for number in numbers]
    assert answer["labels"].array[0].tolist() == names
    assert answer["contributions"].names[0] == tuple(names)
    assert model.predict_matrix(rows(6)).labels == answer["predicted_label"].array.tolist()
    two = ask(predictor("binary:hinge", ("no", "yes")), "predicted_label", "labels", "raw_score")
    assert two["predicted_label"].array.tolist() == [("no", "yes")[int(score)] for score in two["raw_score"].array]
    assert two["labels"].array[7].tolist() == ["no", "yes"]


@pytest.mark.parametrize(("name", "alphas"), [("quantiles", ("0.1", "0.5", "0.9")), ("one quantile", ("0.3",))])
def test_quantiles(name, alphas):
    answer = ask(predictor(name), "quantiles", "predicted_score")
    assert answer["quantiles"].names == (alphas,)
    scores = answer["predicted_score"].array.reshape(40, -1)
    np.testing.assert_array_equal(answer["quantiles"].array, scores)
    assert list(answer["quantiles"].columns("quantiles")) == [f"quantiles_{alpha}" for alpha in alphas]


@pytest.mark.filterwarnings("ignore:.*`booster=gblinear` is deprecated")
def test_a_linear_model_has_no_leaves():
    X = rows(2)
    booster = xgboost.train({"booster": "gblinear", "nthread": 1}, xgboost.DMatrix(X, np.nan_to_num(X[:, 0])), 3)
    model = Predictor(Artifact(booster, Schema.from_names(2)))
    assert model.outputs.keys == ("predicted_score", "margin", "contributions")
    answer = model.answer(X, ("margin", "contributions"))
    np.testing.assert_allclose(answer["contributions"].array.sum(axis=1), answer["margin"].array, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:.*`booster=gblinear` is deprecated")
@pytest.mark.parametrize("order", [("gbtree", "gblinear"), ("gblinear", "gbtree")])
def test_an_ensemble_of_trees_and_coefficients_has_what_both_have(order):
    X = rows(2)
    data = xgboost.DMatrix(X, np.nan_to_num(X[:, 0]))
    boosters = [xgboost.train({"booster": name, "nthread": 1}, data, 3) for name in order]
    model = Predictor(*(Artifact(booster, Schema.from_names(2)) for booster in boosters))
    assert model.outputs.keys == ("predicted_score", "margin", "contributions")
    answer = model.answer(X, model.outputs.keys)
    mean = np.mean([booster.predict(data) for booster in boosters], axis=0)
    np.testing.assert_allclose(answer["predicted_score"].array, mean, rtol=1e-6)
    np.testing.assert_allclose(answer["margin"].array, mean, rtol=1e-6)
    np.testing.assert_allclose(answer["contributions"].array.sum(axis=1), mean, rtol=1e-5, atol=1e-6)


def test_a_feature_called_bias_keeps_its_name():
    features = tuple(Feature(name, position=place) for place, name in enumerate(["bias", "_bias", *"abcd"]))
    model = Predictor(Artifact(trained("reg:squarederror"), Schema(features, named=True)))
    (names,) = model.answer(rows(6), ("contributions",))["contributions"].names
    assert names == ("bias", "_bias", *"abcd", "__bias")


def test_an_ensemble_averages_what_adds_up_and_lists_what_does_not():
    one = Artifact(trained("softprob"), Schema.from_names(6))
    model = Predictor(one, one)
    single, double = ask(predictor("softprob"), *OURS), ask(model, *OURS)
    np.testing.assert_allclose(double["margin"].array, single["margin"].array, rtol=1e-6)
    np.testing.assert_allclose(double["contributions"].array, single["contributions"].array, rtol=1e-6)
    np.testing.assert_array_equal(double["leaf"].array, np.tile(single["leaf"].array, 2))


def test_models_that_differ_average_their_margins_and_vote_for_a_class():
    X = rows(6)
    label = np.nan_to_num(np.abs(X[:, 0])).astype(int).clip(0, 2)
    shape = {"objective": "multi:softmax", "num_class": 3, "nthread": 1, "subsample": 0.5, "max_depth": 2}
    boosters = [xgboost.train({**shape, "seed": seed}, xgboost.DMatrix(X, label), 2) for seed in range(3)]
    model = Predictor(*(Artifact(booster, Schema.from_names(6)) for booster in boosters))
    answer = ask(model, *LABELS, *PROBABILITIES, "margin", "contributions")
    margins = np.stack([booster.predict(xgboost.DMatrix(X), output_margin=True) for booster in boosters])
    votes = np.stack([booster.predict(xgboost.DMatrix(X)) for booster in boosters]).astype(int)
    assert (votes != votes[0]).any()
    np.testing.assert_allclose(answer["margin"].array, margins.mean(axis=0), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(answer["contributions"].array.sum(axis=-1), answer["margin"].array, rtol=1e-5, atol=1e-6)
    most = [np.bincount(column, minlength=3).argmax() for column in votes.T]
    assert answer["predicted_label"].array.tolist() == most
    probabilities = np.exp(margins) / np.exp(margins).sum(axis=2, keepdims=True)
    np.testing.assert_allclose(answer["probabilities"].array, probabilities.mean(axis=0), rtol=1e-5)
    chosen = answer["probabilities"].array[np.arange(40), most]
    np.testing.assert_array_equal(answer["probability"].array, chosen)


@pytest.mark.parametrize("name", ["dart of classes", "sets of categories", "vector leaves"])
def test_from_several_threads(name):
    model = predictor(name)
    wanted = {key: values.array.tobytes() for key, values in ask(model, *OURS).items()}
    with ThreadPoolExecutor(4) as pool:
        for answer in pool.map(lambda _: ask(model, *OURS), range(40)):
            assert {key: values.array.tobytes() for key, values in answer.items()} == wanted


def test_keys_that_no_model_has_are_refused():
    check_known(())
    check_known(("predicted_label", "quantiles", "leaf"))
    with pytest.raises(UserError, match="no model has an output 'probabilty'; ask for any of predicted_label, "):
        check_known(("margin", "probabilty"))
