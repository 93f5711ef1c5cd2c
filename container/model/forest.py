"""A booster's predictions from the compiled walker: the same bits, without XGBoost's cost per call.

What XGBoost does on every call grows with the number of trees; the walker (``native/``) does it once. It proves
itself at load: on rows made from the model's own thresholds every float32 must be the one XGBoost gives.
"""

import logging
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from container.model.trees import NotCoveredError, Trees, thresholds

try:
    import _xgboost_serving as native
except ImportError:
    native = None

log = logging.getLogger(__name__)

_PROBE_ROWS = 256
_PROBE_SINGLE = 16
_PROBE_MARGINS = 4096
_PROBE_CELLS = 1 << 20
"""How much is compared: rows at once, rows one by one, margins; fewer where there are more cells in them."""

Floats = NDArray[np.float32]


class Forest:
    """One model's trees. Safe to use from several threads; holds the interpreter's lock for short work only."""

    def __init__(self, trees: Trees) -> None:
        """Raises ValueError where the arrays are no forest, or one of the walker's limits is passed."""
        self.features = trees.features
        self.trees = len(trees.tree_size)
        self._outputs = trees.outputs
        self._decides = trees.decides
        self._native: Any = native.Forest(**trees.arguments())

    @classmethod
    def build(cls, booster: xgboost.Booster) -> "Forest | None":
        """The forest of a booster, or None, with a line that says why, where XGBoost itself must predict."""
        if native is None:
            log.info("predicting with XGBoost: the compiled core is not installed")
            return None
        try:
            trees = Trees.of(booster)
            forest = cls(trees)
            difference = _difference(forest, trees, booster)
        except NotCoveredError as error:
            log.info("predicting with XGBoost: the compiled core does not cover %s", error)
            return None
        except ValueError as error:
            log.warning("predicting with XGBoost: the compiled core cannot take the model: %s", error)
            return None
        if difference is not None:
            log.warning("predicting with XGBoost: the compiled core differs from it in %s", difference)
            return None
        return forest

    def predict(self, X: Floats) -> Floats:
        """What the objective predicts for ``X``, float32 and C-contiguous of shape (rows, features), NaN where missing.

        Returns float32 of shape (rows,), or (rows, outputs) where there are several: `Booster.inplace_predict`'s.

        Raises:
            ValueError: another type, layout or number of features.
        """
        width = 1 if self._decides else self._outputs
        out = np.empty(len(X) * width, np.float32)
        self._native.predict(X, out, False)
        return out if width == 1 else out.reshape(-1, width)

    def margin(self, X: Floats) -> Floats:
        """The same before the objective's function: the sums of the leaves."""
        out = np.empty(len(X) * self._outputs, np.float32)
        self._native.predict(X, out, True)
        return out if self._outputs == 1 else out.reshape(-1, self._outputs)

    def transformed(self, margins: Floats) -> Floats:
        """What the objective makes of margins of shape (rows, outputs)."""
        width = 1 if self._decides else self._outputs
        out = np.empty(len(margins) * width, np.float32)
        self._native.transform(margins, out)
        return out if width == 1 else out.reshape(-1, width)


def _difference(forest: Forest, trees: Trees, booster: xgboost.Booster) -> str | None:
    """Where the walker and XGBoost give other bits, in words; None where they agree on every probe."""
    rows = probe_rows(trees)
    wanted = booster.inplace_predict(rows, predict_type="margin", validate_features=False)
    singles = slice(len(rows) // 2 - _PROBE_SINGLE // 2, len(rows) // 2 + _PROBE_SINGLE // 2)
    one_by_one = np.concatenate([forest.margin(row) for row in rows[singles, None]])
    if not (_same(forest.margin(rows), wanted) and _same(one_by_one, wanted[singles])):
        return "the sums of the leaves"
    few = rows[-_PROBE_SINGLE:]
    if not _same(forest.predict(few), booster.inplace_predict(few, validate_features=False)):
        return "the prediction"
    start = probe_margins(trees.outputs)
    blank = np.full((len(start), trees.features), np.nan, np.float32)
    # One tree, and a start for each row: XGBoost's own function of any margin, at next to no cost.
    margins, values = (
        booster.inplace_predict(
            blank, iteration_range=(0, 1), predict_type=kind, base_margin=start, validate_features=False
        )
        for kind in ("margin", "value")
    )
    if not _same(forest.transformed(margins.reshape(start.shape)), values):
        return "the objective's function"
    return None


def _same(mine: Floats, theirs: Any) -> bool:
    return mine.shape == np.shape(theirs) and bool((mine.view(np.uint32) == np.asarray(theirs).view(np.uint32)).all())


def probe_rows(trees: Trees, seed: int = 0) -> Floats:
    """Rows on which a wrong step shows: each cell a threshold of its feature or a number next to one.

    Some are zero, large, or no code of a category at all. The second half of the rows has missing cells, the
    first has none. Shape (rows, features), at most `_PROBE_ROWS` rows.
    """
    random = np.random.default_rng(seed)
    shape = (max(2 * _PROBE_SINGLE, min(_PROBE_ROWS, _PROBE_CELLS // trees.features)), trees.features)
    features, values = thresholds(trees)
    count = np.bincount(features, minlength=trees.features)
    values = np.append(values[np.argsort(features, kind="stable")], np.float32(0))
    first = np.where(count > 0, np.cumsum(count) - count, len(values) - 1)
    cells = values[first + (random.random(shape) * count).astype(np.intp)]
    kind = random.integers(0, 16, shape)
    changed = [
        np.nextafter(cells, np.float32(np.inf)),
        np.nextafter(cells, np.float32(-np.inf)),
        cells + random.normal(size=shape).astype(np.float32),
        random.normal(scale=3, size=shape).astype(np.float32),
        -cells - np.float32(0.5),
        random.choice(np.array([0, -1, 31.5, 1e6, 1 << 24, 1e30, -1e30], np.float32), shape),
    ]
    cells = np.select([kind == number for number in range(len(changed))], changed, cells)
    half = len(cells) // 2
    cells[half:][kind[half:] >= 13] = np.nan
    return np.ascontiguousarray(cells)


def probe_margins(outputs: int, seed: int = 0) -> Floats:
    """Margins of every size there is, ties among them, of shape (rows, outputs)."""
    random = np.random.default_rng(seed)
    shape = (max(_PROBE_SINGLE, min(_PROBE_MARGINS, _PROBE_CELLS // 16 // outputs)), outputs)
    margins = random.normal(size=shape) * 10.0 ** random.uniform(-4, 2.5, (shape[0], 1))
    margins[::16] = np.round(margins[::16])
    return margins.astype(np.float32)
