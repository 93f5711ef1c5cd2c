"""A start imports what is used."""

import subprocess
import sys

import pytest

CHECK = """
import sys
{first}
import xgboost
booster = xgboost.train({{"nthread": 1}}, xgboost.DMatrix([[1.0], [2.0]], [0, 1], nthread=1), 1)
print(booster.num_boosted_rounds(), hasattr(xgboost, "XGBClassifier"), "xgboost.sklearn" in sys.modules)
"""
TOOLS = """
import sys
{first}
import scipy.sparse
print("numpy.f2py" in sys.modules, "numpy.testing" in sys.modules)
import numpy
print(numpy.f2py.__name__, numpy.testing.assert_equal(1, 1))
"""
WITHOUT = "from container.contract.libraries import without_extras; without_extras()"


def said(program: str, first: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program.format(first=first)], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_xgboost_without_its_estimators():
    assert said(CHECK, "") == "1 True True", "what is kept out is still there, and from where it was"
    assert said(CHECK, WITHOUT) == "1 False False"


@pytest.mark.parametrize(
    ("first", "there"),
    [("", "True True"), (WITHOUT, "False False"), (f"import numpy.f2py, numpy.testing; {WITHOUT}", "True True")],
)
def test_numpy_without_its_tools_until_they_are_asked_for(first: str, there: str):
    assert said(TOOLS, first) == f"{there}\nnumpy.f2py None"


def test_where_xgboost_is_imported_already_nothing_is_changed():
    assert said(CHECK, f"import xgboost; {WITHOUT}") == "1 True True"
