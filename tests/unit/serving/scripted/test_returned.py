"""What an input_fn may return, and what is said of what it may not."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost
from scipy import sparse

from container.errors import ContainerError
from container.model import artifact
from container.model.predictor import Predictor
from container.serving.scripted import returned
from tests.support.serving import MODELS

NAN = np.nan
HOUSE = {"area": [100], "rooms": [3], "zone": ["C"], "class": ["60"], "sold": ["2020-01-01"], "garage": [True]}


@pytest.fixture(scope="module")
def approval() -> Predictor:
    return Predictor(artifact.load(MODELS / "approval.ubj"))


def dense(data: Any, predictor: Predictor) -> list[list[float | None]]:
    """The rows as lists, None where missing, as what a sparse matrix does not hold is."""
    matrix = returned.rows(data, predictor, "input_fn of inference.py")
    if not isinstance(matrix, np.ndarray):
        held: Any = matrix.tocoo()
        matrix = np.full(matrix.shape, NAN, np.float32)
        matrix[held.row, held.col] = held.data
    return [[None if np.isnan(value) else float(value) for value in row] for row in matrix]


@pytest.mark.parametrize(
    ("data", "row"),
    [
        pytest.param(xgboost.DMatrix([[3, 100]], feature_names=["rooms", "area"]), [100, 3], id="names"),
        pytest.param(
            xgboost.DMatrix([[9, 3, 100]], feature_names=["id", "rooms", "area"]), [100, 3], id="names and more"
        ),
        pytest.param(xgboost.DMatrix(pd.DataFrame([[100, 3]])), [100, 3], id="of a frame without names"),
        pytest.param(xgboost.DMatrix([[100, NAN]], feature_names=["rooms", "area"]), [None, 100], id="missing"),
        pytest.param(xgboost.DMatrix([[100, 0]]), [100, 0], id="zero"),
        pytest.param(xgboost.DMatrix([[100, 3]], label=[1], weight=[2]), [100, 3], id="label and weight"),
        pytest.param(sparse.coo_array(np.array([[100, 0]])), [100, None], id="sparse"),
        pytest.param(np.ma.masked_array([[100, 3]], mask=[[False, True]]), [100, None], id="mask"),
        pytest.param([[100, None]], [100, None], id="None"),
        pytest.param(pd.DataFrame({"rooms": [3], "area": [100], "x": [{"a": 1}]}), [100, 3], id="anything besides"),
        pytest.param(pd.DataFrame({"area": [100], "rooms": [3], "x": [1j]}), [100, 3], id="complex besides"),
        pytest.param(pd.DataFrame([[1, 2, 100, 3]], columns=["x", "x", "area", "rooms"]), [100, 3], id="twice besides"),
        pytest.param(pd.DataFrame({"area": pd.array([None], "Int64"), "rooms": [2**70]}), [None, 2.0**70], id="large"),
    ],
)
def test_rows(approval: Predictor, data: Any, row: list[float | None]) -> None:
    assert dense(data, approval) == [row]


def test_a_frame_s_column_of_several_types_is_read_cell_by_cell(approval: Predictor) -> None:
    area = pd.Series([100, "7", None, np.float32(2.5), pd.NA], dtype=object)
    frame = pd.DataFrame({"area": area, "rooms": range(5)})
    assert dense(frame, approval) == [[100, 0], [7, 1], [None, 2], [2.5, 3], [None, 4]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(
            xgboost.DMatrix([[100, 3]], feature_names=["rooms", "size"]),
            "the column 'area' is missing (input_fn); ",
            id="names that are not the model's",
        ),
        pytest.param(
            xgboost.DMatrix([[100, 3]], base_margin=[1]),
            "input_fn of inference.py returned a DMatrix with a base_margin, which is not used here; add a predict_fn",
            id="margin",
        ),
        pytest.param(
            xgboost.QuantileDMatrix(np.array([[100, 3]]), nthread=1),
            "input_fn of inference.py returned a QuantileDMatrix, which holds bins in place of values; ",
            id="bins",
        ),
        pytest.param(
            xgboost.DMatrix(pd.DataFrame({"area": pd.Categorical(["a"]), "rooms": [3]}), enable_categorical=True),
            "input_fn of inference.py returned a DMatrix with categories, whose numbers need not be the model's; "
            "return the DataFrame that it is made of",
            id="categories",
        ),
        pytest.param(
            [[100, 3], [1e300, 3]],
            "a value is infinite or beyond what a 32-bit float holds (input_fn row 2, column 'area'); ",
            id="infinite",
        ),
        pytest.param(
            sparse.csr_matrix([[100, 3], [0, -np.inf]]),
            "a value is infinite or beyond what a 32-bit float holds (input_fn row 2, column 'rooms'); ",
            id="infinite and sparse",
        ),
        pytest.param(
            pd.DataFrame({"area": [100, "many"], "rooms": [3, 3]}),
            "'many' is not a number (input_fn row 2, column 'area'); ",
            id="text among numbers",
        ),
        pytest.param(
            pd.DataFrame({"area": [100, [3]], "rooms": [3, 3]}),
            "a list stands where a value belongs (input_fn row 2, column 'area'); ",
            id="a list among numbers",
        ),
        pytest.param(
            pd.DataFrame([[100, 3, 4]], columns=["area", "rooms", "rooms"]),
            "two columns are called 'rooms' (input_fn); give every column a name of its own",
            id="two of a name",
        ),
        pytest.param(np.zeros((0, 2)), "input_fn returned no rows; return at least one", id="no rows"),
        pytest.param(np.array([[1j, 3]]), "input_fn of inference.py returned a ndarray, which is no ", id="complex"),
        pytest.param([[10**400, 3]], "input_fn of inference.py returned a list, which is no table", id="too large"),
        pytest.param(sparse.csr_matrix([[1j, 3]]), "input_fn of inference.py returned a csr_matrix, ", id="both"),
    ],
)
def test_what_is_refused_and_why(approval: Predictor, data: Any, message: str) -> None:
    with pytest.raises(ContainerError) as caught:
        returned.rows(data, approval, "input_fn of inference.py")
    assert str(caught.value).startswith(message)


def test_a_model_with_categories_takes_numbers_that_are_its_own() -> None:
    houses = Predictor(artifact.load(MODELS / "houses.ubj"))
    row = [100, 3, 2, 2, 18262, 1]
    assert dense(pd.DataFrame(HOUSE), houses) == [row]
    assert dense(pd.DataFrame(HOUSE).astype({"zone": "category", "sold": "datetime64[ns]"}), houses) == [row]
    types = ["q", "q", "c", "c", "q", "i"]
    assert dense(xgboost.DMatrix([row], feature_types=types, enable_categorical=True), houses) == [row]


def test_a_model_without_names_takes_columns_by_position() -> None:
    sizes = Predictor(artifact.load(MODELS / "sizes.ubj"))
    assert dense(pd.DataFrame([[100, 3]], columns=["b", "b"]), sizes) == [[100, 3]]
    assert dense(xgboost.DMatrix([[100, 3]], feature_names=["b", "a"]), sizes) == [[100, 3]]
    assert dense(xgboost.DMatrix([[3, 100]], feature_names=["f1", "f0"]), sizes) == [[100, 3]]
