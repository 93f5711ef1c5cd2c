"""What libraries import for uses that nobody has here."""

import sys
from typing import Any, cast

_NUMPY_TOOLS = ("f2py", "testing")
"""A compiler of Fortran and helpers for tests, which numpy imports when somebody asks for them."""


def without_extras() -> None:
    """Keep ``import xgboost`` from what takes two fifths of a start's imports and is not used.

    Those are its scikit-learn estimators and plots, without which XGBoost does as it does where scikit-learn is missing
    (its ``__init__``), and numpy's tools, which scipy asks for as it copies every name that numpy has
    (``array_api_compat``). For processes that run no program of a user's, who may want them; call it before xgboost is
    imported.
    """
    cast("dict[str, Any]", sys.modules).setdefault("xgboost.plotting", None)  # None: importing it is an ImportError
    import numpy as np

    names = vars(np)
    hidden = [tool for tool in _NUMPY_TOOLS if tool not in names]
    names.update(dict.fromkeys(hidden))
    import scipy.sparse  # noqa: F401 - it makes the copy

    for tool in hidden:
        del names[tool]
