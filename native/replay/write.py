"""Write what XGBoost gives on this machine, for the core of another: python write.py FILE, from the repository's root.

For each kind of model the core covers: its arrays, rows of every sort, and XGBoost's margins and contributions.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import xgboost

from container.model.forest import probe_rows
from container.model.trees import Trees
from tests.unit.model.boosters import CASES, trained

_ROWS = 60


def main(file: Path) -> None:
    with file.open("wb") as out:
        out.write(np.int32(len(CASES)).tobytes())
        for name in CASES:
            booster = trained(name)
            trees = Trees.of(booster)
            rows = probe_rows(trees, seed=1)
            rows = np.ascontiguousarray(rows[len(rows) // 2 - _ROWS // 2 :][:_ROWS])
            margins = booster.inplace_predict(rows, predict_type="margin", validate_features=False)
            contributions = booster.predict(xgboost.DMatrix(rows), pred_contribs=True, validate_features=False)
            numbers = {key: value for key, value in trees.arguments().items() if isinstance(value, int)}
            arrays = [value for value in trees.arguments().values() if isinstance(value, np.ndarray)]
            out.write(np.array([numbers["features"], numbers["link"]], np.int32).tobytes())
            for array in (np.frombuffer(name.encode(), np.uint8), *arrays, rows, margins, contributions):
                out.write(np.int32(array.size).tobytes() + np.ascontiguousarray(array).tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
