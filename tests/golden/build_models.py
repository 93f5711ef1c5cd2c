"""Build the small models the golden cases are answered with: ``python -m tests.golden.build_models``.

They are committed, since another XGBoost would learn other trees. Run this only to add one, and then look at
every reply that changes.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from container.data import delimited, dialect, libsvm
from container.data.inference import Roles, infer
from container.data.schema import Schema
from container.data.table import Kind, Place, SparseTable, Table
from container.model import artifact
from container.model.artifact import Artifact

MODELS = Path(__file__).parent / "models"
_ROWS = 120
_COMMON = {"nthread": 1, "seed": 7, "tree_method": "hist", "max_depth": 3, "min_child_weight": 0}


def main() -> None:
    random = np.random.default_rng(7)
    area = random.integers(40, 200, _ROWS)
    rooms = random.integers(1, 8, _ROWS)
    zone = random.choice(["A", "Bay, North", "C"], _ROWS)
    kind = random.choice(["20", "60", "160"], _ROWS)
    sold = np.datetime64("2019-01-01") + random.integers(0, 700, _ROWS)
    garage = random.choice(["true", "false"], _ROWS)
    price = 1000 * area + 9000 * rooms + 50_000 * (zone == "A") + 7000 * (kind == "60") + 3000 * (garage == "true")
    days = (sold - np.datetime64("2019-01-01")).astype(int)
    price = price + 60 * days

    # Regression on numbers, text, numbers that are names, dates and truth values; one column ignored.
    _write(
        "houses",
        _csv(["area", "rooms", "zone", "class", "sold", "garage", "id", "price"],
             [area, rooms, zone, kind, sold, garage, np.arange(_ROWS), price]),
        Roles(target="price", ignored=("id",), categorical=("class",)),
        {"objective": "reg:squarederror", "max_depth": 4},
        rounds=20,
    )  # fmt: skip
    # Two classes with names, one of which needs quoting in CSV.
    approved = np.where(area + 10 * rooms > 150, "yes", "no, thanks")
    _write(
        "approval",
        _csv(["area", "rooms", "approved"], [area, rooms, approved]),
        Roles(target="approved"),
        {"objective": "binary:logistic"},
        rounds=5,
    )
    # Three classes with names, from two unnamed columns, the target first.
    size = np.select([area < 90, area < 150], ["small", "middle"], "large")
    _write(
        "sizes",
        _csv(None, [size, area, rooms]),
        Roles(target=0),
        {"objective": "multi:softprob", "num_class": 3},
        rounds=5,
    )
    # The same classes, decided for, by three models that can vote.
    for seed, name in enumerate(["sizes-softmax", "sizes-softmax-1", "sizes-softmax-2"], start=7):
        _write(
            name,
            _csv(["area", "rooms", "size"], [area, rooms, size]),
            Roles(target="size"),
            {"objective": "multi:softmax", "num_class": 3, "seed": seed, "subsample": 0.5},
            rounds=2,
        )
    # The two classes, as margins and decided for.
    for objective in ("logitraw", "hinge"):
        _write(
            f"approval-{objective}",
            _csv(["area", "rooms", "approved"], [area, rooms, approved]),
            Roles(target="approved"),
            {"objective": f"binary:{objective}"},
            rounds=3,
        )
    # Other predictions of numbers: quantiles, several targets, counts, ranks, times, and a linear model.
    numbers = np.column_stack([area, rooms]).astype(np.float32)
    names = Schema.from_names(2, ["area", "rooms"])
    plain: dict[str, tuple[dict[str, Any], Any]] = {
        "quantiles": ({"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.5, 0.9]}, price / 1000),
        "targets": ({"objective": "reg:squarederror"}, np.column_stack([area, rooms * 10])),
        "labels": ({"objective": "binary:logistic"}, np.column_stack([area > 90, rooms > 3])),
        "counts": ({"objective": "count:poisson"}, rooms),
        "ranks": ({"objective": "rank:pairwise"}, rooms // 3),
        "times": ({"objective": "survival:aft"}, area),
        "linear": ({"objective": "reg:squarederror", "booster": "gblinear"}, area),
    }
    for name, (parameters, label) in plain.items():
        matrix = xgboost.DMatrix(numbers, label, nthread=1)
        if name == "ranks":
            matrix.set_group([_ROWS])
        if name == "times":
            matrix.set_float_info("label_lower_bound", area)
            matrix.set_float_info("label_upper_bound", area)
        _save(name, xgboost.train(_COMMON | parameters, matrix, 3), names)
    # LIBSVM: indices 0 to 4.
    dense = random.integers(0, 5, (_ROWS, 5))
    rows = [f"{2 * x[0] + x[3]} " + " ".join(f"{i}:{v}" for i, v in enumerate(x) if v) for x in dense]
    sparse = libsvm.read("\n".join(rows).encode(), Place())
    _save("sparse", _train_sparse(sparse), Schema.from_names(5))
    # Plain XGBoost's own file, without a schema, 5,000 columns wide.
    wide = random.random((40, 5000)).astype(np.float32)
    booster = xgboost.train(_COMMON, xgboost.DMatrix(wide, wide[:, 4999] + wide[:, 0]), 3)
    (MODELS / "wide.ubj").write_bytes(booster.save_raw("ubj"))


def _csv(names: list[str] | None, columns: list[Any]) -> bytes:
    rows = [[f'"{cell}"' if "," in str(cell) else str(cell) for cell in row] for row in zip(*columns, strict=True)]
    return "\n".join(",".join(row) for row in ([names] if names else []) + rows).encode()


def _write(name: str, data: bytes, roles: Roles, parameters: dict[str, Any], rounds: int) -> None:
    written = dialect.of_training(data, header=None, delimiter=",", mentioned=())
    table = delimited.read(data, written, Place())
    inferred = infer([table], roles, True if parameters["objective"] != "reg:squarederror" else None)
    schema = inferred.schema
    target = next(other.position for other in schema.others if other.role == "target")
    column = table.columns[target]
    index = {label: code for code, label in enumerate(schema.classes)}
    label = [index[column.values[c]] if index else float(column.values[c]) for c in column.codes]
    kinds = ["c" if feature.kind is Kind.CATEGORY else "float" for feature in schema.features]
    features = Table([table.columns[f.position] for f in schema.features], schema.names, table.rows, Place())
    matrix = xgboost.DMatrix(
        schema.encode(features).matrix(), label, feature_types=kinds, enable_categorical=True, nthread=1
    )
    _save(name, xgboost.train(_COMMON | parameters, matrix, rounds), schema)


def _train_sparse(table: SparseTable) -> xgboost.Booster:
    return xgboost.train(_COMMON, xgboost.DMatrix(table.matrix, table.label, nthread=1), 5)


def _save(name: str, booster: xgboost.Booster, schema: Schema) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = artifact.save(Artifact(booster, schema), Path(folder))
        (MODELS / f"{name}.ubj").write_bytes(path.read_bytes())
    print(name, json.dumps(schema.to_json(), ensure_ascii=False)[:300])


if __name__ == "__main__":
    main()
