"""Schema: what the model's columns mean, decided once in training and kept inside the model file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from container.data import misfit
from container.data.encoding import encode
from container.data.table import Column, Kind, SparseTable, Table
from container.errors import DataError, listing


@dataclass(frozen=True)
class Feature:
    """One column the model uses. ``position`` is its 0-based place in the training table."""

    name: str
    kind: Kind = Kind.NUMBER
    position: int = 0
    categories: tuple[str, ...] = ()


class Role(StrEnum):
    """What a column of the training table is, where it is no feature."""

    TARGET = "target"
    WEIGHT = "weight"
    GROUP = "group"
    UPPER_BOUND = "upper_bound"
    IGNORED = "ignored"


@dataclass(frozen=True)
class Other:
    """A column of the training table that is no feature."""

    name: str
    position: int
    role: Role


@dataclass(frozen=True)
class Encoded:
    """Feature columns as the booster takes them, float32 of shape (rows,) each, categories as codes.

    ``unseen`` counts, by column, the cells whose category training never saw; they became missing.
    """

    columns: list[NDArray[np.float32]]
    unseen: dict[str, int]

    def matrix(self) -> NDArray[np.float32]:
        """The columns side by side: float32 of shape (rows, features)."""
        return np.stack(self.columns, axis=1)


@dataclass(frozen=True)
class Schema:
    """Features in the booster's order, the training table's other columns, and the target's class names.

    ``named`` says whether the training table had column names; without, ``features`` are f0, f1, ….
    ``classes`` is empty unless the target was text; index i names class i.
    """

    features: tuple[Feature, ...]
    others: tuple[Other, ...] = ()
    named: bool = False
    classes: tuple[str, ...] = field(default=())

    @classmethod
    def from_names(cls, width: int, names: Sequence[str] | None = None) -> "Schema":
        """The schema of a model that says no more of its columns than their names, or only their number."""
        features = tuple(Feature(names[i] if names else f"f{i}", position=i) for i in range(width))
        return cls(features, named=names is not None)

    @cached_property
    def has_categories(self) -> bool:
        return any(feature.kind is Kind.CATEGORY for feature in self.features)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """The names of the target columns, in the order of the model's outputs; empty where it is not known."""
        return tuple(other.name for other in self.others if other.role is Role.TARGET)

    @cached_property
    def _by_width(self) -> dict[int, tuple[int, ...]]:
        """Row width → which cell each feature is in, for rows without names."""
        widths = {}
        for along in ((Role.IGNORED, Role.GROUP), (Role.IGNORED,)):
            others = [other.position for other in self.others if other.role in along]
            sent = sorted([feature.position for feature in self.features] + others)
            place = {position: index for index, position in enumerate(sent)}
            widths[len(sent)] = tuple(place[feature.position] for feature in self.features)
        return widths | {len(self.features): tuple(range(len(self.features)))}

    @property
    def widths(self) -> tuple[int, ...]:
        """How many cells a row without names may have: the features, the ignored cells too, or the group as well."""
        return tuple(sorted(self._by_width))

    def text_positions(self, names: tuple[str, ...] | None, width: int) -> set[int]:
        """Which cells of a CSV row hold categories, and so stay text: ``01`` and ``1`` may be two of them."""
        categories = {feature.name for feature in self.features if feature.kind is Kind.CATEGORY}
        if not categories:
            return set()
        if names is not None and self.named:
            return {place for place, name in enumerate(names) if name in categories}
        places = self._by_width.get(width, ())
        return {place for place, name in zip(places, self.names, strict=False) if name in categories}

    def numeric_positions(self, width: int) -> set[int] | None:
        """Which cells of a row without names hold anything but categories; None where the width is wrong."""
        places = self._by_width.get(width)
        if places is None:
            return None
        pairs = zip(places, self.features, strict=True)
        return {place for place, feature in pairs if feature.kind is not Kind.CATEGORY}

    def unused(self, names: Sequence[str]) -> set[str]:
        """Which columns of a table of these names are not looked at, as the features are found by name."""
        return set(names) - set(self.names) if self.finds(names) else set()

    def finds(self, names: Sequence[str]) -> bool:
        """Whether the features are found by name in a table of these names, and not by position."""
        return self.named or set(self.names) <= set(names)

    def select(self, table: Table) -> list[Column]:
        """The table's columns in the order of the features: by name where it has their names, else by position.

        Raises:
            DataError: a feature's column is missing, or a row has another number of cells than the model takes.
        """
        if table.names is None or not self.finds(table.names):
            self.check_width(len(table.columns))
            if table.names is not None:
                misfit.check_same_names(table)
            return [table.columns[place] for place in self._by_width[len(table.columns)]]
        found = dict(zip(table.names, table.columns, strict=True))
        absent = [name for name in self.names if name not in found]
        if absent:
            raise misfit.absent(absent, [name for name in table.names if name not in self.names])
        for name in table.incomplete.keys() & set(self.names):
            raise DataError(
                f"the record has no {name!r}", "send null where it is not known", row=table.incomplete[name]
            )
        return [found[name] for name in self.names]

    def encode_training(self, table: Table) -> Encoded:
        """The cells of a table laid out as the training table, target and all, as the booster takes them.

        Raises:
            DataError: with the line and column of the first cell that is not what the column holds.
        """
        return self._encode(table, [table.columns[feature.position] for feature in self.features])

    def encode(self, table: Table) -> Encoded:
        """The cells of a request's table as the booster takes them.

        Raises:
            DataError: with the line and column of the first cell that is not what the column holds.
        """
        try:
            selected = self.select(table)
        except DataError as error:
            raise table.place.locate(error) from None
        return self._encode(table, selected)

    def _encode(self, table: Table, selected: Sequence[Column]) -> Encoded:
        try:
            columns, unseen = [], {}
            for feature, column in zip(self.features, selected, strict=True):
                values, unknown = encode(column, feature.kind, feature.name, feature.categories)
                columns.append(values)
                if unknown:
                    unseen[feature.name] = unknown
            return Encoded(columns, unseen)
        except DataError as error:
            raise table.place.locate(error) from None

    def check_sparse(self, table: SparseTable) -> None:
        """Refuse sparse rows this model cannot take: it has categories, or an index it never saw.

        Raises:
            DataError: as said; with the line of the first such index.
        """
        if self.has_categories:
            names = [feature.name for feature in self.features if feature.kind is Kind.CATEGORY]
            raise DataError(
                f"the model has text columns ({listing(names, 3)}), which indices and numbers cannot give",
                "send CSV or JSON",
            )
        width = len(self.features)
        beyond = table.matrix.indices >= width
        if beyond.any():
            first = int(np.argmax(beyond))
            row = int(np.searchsorted(table.matrix.indptr, first, side="right")) - 1
            raise table.place.locate(
                DataError(
                    f"the feature index {table.matrix.indices[first]} is beyond the model's {width} features",
                    f"use indices from 0 to {width - 1}, as in training",
                    row=row,
                )
            )

    def check_width(self, got: int, *, trailing: bool = False) -> None:
        """Refuse rows without names of ``got`` cells; ``trailing`` allows one more, which may be blank.

        A schema without features stands for a model of which nothing is known, and takes any.

        Raises:
            DataError: the model takes rows of another number of cells.
        """
        if not self.features or got in self._by_width or (trailing and got - 1 in self._by_width):
            return
        raise misfit.wrong_width(self, got)

    def to_json(self) -> dict[str, Any]:
        """The schema as plain JSON values."""
        return {
            "version": 1,
            "named": self.named,
            "classes": list(self.classes),
            "features": [
                {"name": f.name, "kind": f.kind.value, "position": f.position, "categories": list(f.categories)}
                for f in self.features
            ],
            "others": [{"name": o.name, "position": o.position, "role": o.role.value} for o in self.others],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Schema":
        """The schema `to_json` wrote. Raises KeyError, TypeError or ValueError on anything else."""
        return cls(
            features=tuple(
                Feature(str(f["name"]), Kind(f["kind"]), int(f["position"]), tuple(map(str, f["categories"])))
                for f in value["features"]
            ),
            others=tuple(Other(str(o["name"]), int(o["position"]), Role(o["role"])) for o in value["others"]),
            named=bool(value["named"]),
            classes=tuple(map(str, value["classes"])),
        )
