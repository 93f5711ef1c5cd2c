"""What XGBoost keeps for a thread goes with the thread."""

import threading
from functools import wraps
from typing import Any

import numpy as np
import pytest
import xgboost

from container.model import artifact
from container.model.apart import apart
from container.model.predictor import Predictor
from tests.support.serving import MODELS


@pytest.mark.parametrize("model", ["approval", "houses"])
@pytest.mark.parametrize("keys", [(), ("contributions",), ("leaf", "margin")])
def test_no_thread_that_goes_on_keeps_a_model_or_its_evidence(
    model: str, keys: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    for name in ("save_raw", "predict"):
        called = getattr(xgboost.Booster, name)

        @wraps(called)
        def noted(*arguments: Any, called: Any = called, **named: Any) -> Any:
            threads.append(threading.current_thread())
            return called(*arguments, **named)

        monkeypatch.setattr(xgboost.Booster, name, noted)
    loaded = artifact.load(MODELS / f"{model}.ubj")
    for native in (True, False):
        predictor = Predictor(loaded, native=native)
        predictor.answer(np.zeros((2, len(loaded.schema.features)), np.float32), keys)
    assert bool(threads) or not keys  # without keys only where the compiled core is installed
    assert not any(thread.is_alive() for thread in threads)


def test_what_it_raises_is_raised() -> None:
    assert apart(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        apart(divmod, 7, 0)


def test_what_xgboost_warns_of_there_is_a_warning_here_too() -> None:
    data = xgboost.DMatrix(np.ones((2, 1)), np.zeros(2), nthread=1)
    booster = xgboost.Booster({"no_such": 3, "nthread": 1, "verbosity": 1}, [data])
    with pytest.warns(UserWarning, match="no_such"):
        apart(booster.update, data, 0)
