"""A booster's SHAP contributions from the compiled core: the same bits as XGBoost's, in a tenth of the time.

The core (``native/``) proves itself when contributions are first asked for: on rows made from the model's own
thresholds every float32 must be the one XGBoost gives.
"""

import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray
from scipy import sparse

from container.model.apart import apart
from container.model.forest import probe_rows
from container.model.trees import NotCoveredError, Trees

try:
    import _xgboost_serving as native
except ImportError:
    native = None

log = logging.getLogger(__name__)

_PROBE_ROWS = 12
"""How many rows are compared, half of them with missing cells; XGBoost takes milliseconds for each."""
_SHARED_NODES = 2_000_000
"""Nodes passed, over all rows, from which several threads share a request: about 10 ms for one."""
_LANES = 8
"""Rows the core works on at once: a thread is given as many or more."""

Floats = NDArray[np.float32]


class Explainer:
    """One model's contributions. Safe to use from several threads."""

    def __init__(self, booster: xgboost.Booster, *, use_native: bool = True, threads: int = 1) -> None:
        """Nothing is done before it is asked for: most models are never asked."""
        self._booster, self._threads = booster, threads
        self._turn, self._tried = Lock(), not use_native
        self._core: _Core | None = None

    def contributions(self, matrix: Floats | sparse.csr_matrix) -> Floats | None:
        """TreeSHAP's values, the bias last, of shape (rows, features + 1) or (rows, outputs, features + 1).

        ``matrix`` is float32, C-contiguous, NaN where missing. None where XGBoost must be asked: of sparse rows, of
        infinite numbers, which it refuses, and of models the core does not cover.
        """
        if not isinstance(matrix, np.ndarray) or (core := self._proved()) is None or np.isinf(matrix).any():
            return None
        parts = max(1, min(self._threads, len(matrix) // _LANES))
        if parts == 1 or len(matrix) * core.nodes < _SHARED_NODES:
            return core.of(matrix)
        # Threads of this request alone: a pool that is kept would not survive a fork.
        with ThreadPoolExecutor(parts) as pool:
            return np.concatenate(list(pool.map(core.of, np.array_split(matrix, parts))))

    def prepare(self) -> None:
        """Do now what the first request would wait for."""
        self._proved()

    def _proved(self) -> "_Core | None":
        if not self._tried:
            with self._turn:
                if not self._tried:
                    self._core = apart(_build, self._booster)
                    self._tried = True
        return self._core


class _Core:
    """The compiled core's side of a model."""

    def __init__(self, trees: Trees) -> None:
        """Raises ValueError where the arrays are no forest, or its covers are none."""
        self._outputs, self._columns = trees.outputs, trees.features + 1
        self.nodes = len(trees.left) * (trees.outputs if len(trees.leaf_vector) else 1)
        self._native: Any = native.Contributions(**trees.arguments())

    def of(self, X: Floats, wide: bool = True) -> Floats:
        """``wide``: with the vectors that only newer machines have."""
        out = np.empty(len(X) * self._outputs * self._columns, np.float32)
        self._native.of(X, out, wide)
        shape = (len(X), self._columns) if self._outputs == 1 else (len(X), self._outputs, self._columns)
        return out.reshape(shape)


def _build(booster: xgboost.Booster) -> _Core | None:
    if native is None:
        log.info("contributions come from XGBoost: the compiled core is not installed")
        return None
    try:
        trees = Trees.of(booster)
        core = _Core(trees)
    except NotCoveredError as error:
        log.info("contributions come from XGBoost: the compiled core does not cover %s", error)
        return None
    except ValueError as error:
        log.warning("contributions come from XGBoost: the compiled core cannot take the model: %s", error)
        return None
    rows = probe_rows(trees)
    rows = rows[len(rows) // 2 - _PROBE_ROWS // 2 :][:_PROBE_ROWS]
    wanted = booster.predict(xgboost.DMatrix(rows, nthread=1), pred_contribs=True, validate_features=False)
    one_by_one = np.concatenate([core.of(row) for row in rows[[0, -1], None]])
    if not (_same(core.of(rows), wanted) and _same(one_by_one, wanted[[0, -1]])):
        log.warning("contributions come from XGBoost: those of the compiled core differ")
        return None
    return core


def _same(mine: Floats, theirs: Floats) -> bool:
    return mine.shape == theirs.shape and mine.tobytes() == np.ascontiguousarray(theirs).tobytes()
