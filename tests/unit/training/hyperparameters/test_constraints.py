import pytest

from container.data.schema import Feature, Schema
from container.errors import UserError
from container.training.hyperparameters.constraints import resolve

SCHEMA = Schema((Feature("area"), Feature("year [built]"), Feature("rooms")), named=True)


@pytest.mark.parametrize(
    ("params", "resolved"),
    [
        pytest.param({"eta": 1}, {"eta": 1}, id="none"),
        pytest.param({"monotone_constraints": "(1,0,-1)"}, {"monotone_constraints": "(1,0,-1)"}, id="directions"),
        pytest.param({"monotone_constraints": "(1)"}, {"monotone_constraints": "(1)"}, id="the first ones"),
        pytest.param(
            {"monotone_constraints": {"year [built]": 1}}, {"monotone_constraints": {"year (built)": 1}}, id="by name"
        ),
        pytest.param(
            {"interaction_constraints": "[[0, 2]]"}, {"interaction_constraints": "[[0, 2]]"}, id="groups of indices"
        ),
        pytest.param(
            {"interaction_constraints": [["area", "year [built]"]]},
            {"interaction_constraints": [["area", "year (built)"]]},
            id="groups of names",
        ),
    ],
)
def test_resolved(params, resolved):
    assert resolve(params, SCHEMA) == resolved


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"monotone_constraints": {"aera": 1}},
            "'monotone_constraints': there is no feature 'aera'; did you mean 'area'?",
        ),
        (
            {"interaction_constraints": [["area", "x"]]},
            "'interaction_constraints': there is no feature 'x'; there are 'area', 'year [built]', 'rooms'",
        ),
        (
            {"monotone_constraints": "(1,0,0,1)"},
            "'monotone_constraints': must have at most 3 directions, got 4",
        ),
        (
            {"interaction_constraints": "[[0,1],[3]]"},
            "'interaction_constraints': must have indices below 3, got 3",
        ),
    ],
)
def test_what_is_not_there_is_named(params, message):
    with pytest.raises(UserError) as caught:
        resolve(params, SCHEMA)
    assert str(caught.value) == message
