"""What each column is, decided from all the tables a model is trained on."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from container.data import cells
from container.data.encoding import as_text, distinct, shorten
from container.data.schema import Feature, Other, Role, Schema
from container.data.table import Column, Kind, Numbers, Table, Text
from container.errors import DataError, UserError, listing

Reference = str | int
"""A column as the user names it: by name, or by its 0-based position."""

_ALMOST_UNIQUE = 0.9
"""A text column with this many distinct values per row is an identifier or free text, not a category."""
_FEW_ROWS = 20
_MANY_NUMBERS = 20
_STRAY = "leave the cell empty where the number is not known, or name the column in categorical_columns"


@dataclass(frozen=True)
class Roles:
    """Which columns the user said are what."""

    target: Reference = 0
    weight: Reference | None = None
    ignored: tuple[Reference, ...] = ()
    categorical: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class Inferred:
    """The schema, and for the log what became of the columns that are not features (name → reason)."""

    schema: Schema
    target_kind: Kind
    left_out: dict[str, str]


def resolve(reference: Reference, names: tuple[str, ...] | None, width: int, role: str) -> int:
    """The 0-based position of a column given by name or position; negative positions count from the end.

    Raises:
        UserError: there is no such column; the message lists what there is.
    """
    if names is not None and str(reference) in names:
        return names.index(str(reference))
    if isinstance(reference, str) and not re.fullmatch("-?[0-9]+", reference):
        raise _no_such_name(reference, names, width, role)
    position = int(reference)
    if not -width <= position < width:
        raise UserError(f"{role}: there is no column {position}; the data has {width} columns, 0 to {width - 1}")
    return position % width


def _no_such_name(reference: str, names: tuple[str, ...] | None, width: int, role: str) -> UserError:
    if names is None:
        return UserError(
            f"{role}: there is no column {reference!r}, for the data has no header row; "
            f"give a position from 0 to {width - 1}, or set header=true"
        )
    folded = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(reference.casefold(), folded, n=1, cutoff=0.5)
    hint = f"did you mean {folded[close[0]]!r}?" if close else f"the columns are {listing(names)}"
    return UserError(f"{role}: there is no column {reference!r}; {hint}")


def infer(tables: Sequence[Table], roles: Roles, classes_wanted: bool | None = None) -> Inferred:
    """Decide every column's kind over all tables, which have the same columns in the same order.

    ``classes_wanted`` says whether the objective takes classes (True), numbers (False) or is open (None).

    Raises:
        DataError: a column mixes numbers with text or dates, or the target cannot be one.
        UserError: ``roles`` names a column that is not there.
    """
    names, width = tables[0].names, len(tables[0].columns)
    target = resolve(roles.target, names, width, "target")
    weight = None if roles.weight is None else resolve(roles.weight, names, width, "weight_column")
    ignored = {resolve(reference, names, width, "ignore_columns") for reference in roles.ignored}
    categorical = {resolve(reference, names, width, "categorical_columns") for reference in roles.categorical}
    _check_roles(target, weight, ignored)

    features: list[Feature] = []
    others: list[Other] = []
    left_out: dict[str, str] = {}
    for position in range(width):
        if position in (target, weight):
            continue
        name = names[position] if names else f"column {position}"
        if position in ignored:
            others.append(Other(name, position, Role.IGNORED))
            continue
        profile = Profile.of([(table, table.columns[position]) for table in tables], name)
        kind = Kind.CATEGORY if position in categorical else profile.kind()
        if kind is Kind.CATEGORY and position not in categorical and (reason := profile.almost_unique()):
            others.append(Other(name, position, Role.IGNORED))
            left_out[name] = reason
            continue
        categories = tuple(profile.categories()) if kind is Kind.CATEGORY else ()
        features.append(Feature(name if names else f"f{len(features)}", kind, position, categories))
    if not features:
        raise UserError("no column is left to learn from; the data needs at least one besides the target")

    target_name = names[target] if names else f"column {target}"
    others.append(Other(target_name, target, Role.TARGET))
    if weight is not None:
        others.append(Other(names[weight] if names else f"column {weight}", weight, Role.WEIGHT))
    labels = Profile.of([(table, table.columns[target]) for table in tables], target_name)
    kind, classes = labels.target(classes_wanted)
    schema = Schema(tuple(features), tuple(others), named=names is not None, classes=classes)
    return Inferred(schema, kind, left_out)


def _check_roles(target: int, weight: int | None, ignored: set[int]) -> None:
    if target == weight:
        raise UserError("'weight_column' names the target column; the two must differ")
    for role, position in (("target", target), ("weight_column", weight)):
        if position in ignored:
            raise UserError(f"'ignore_columns' names the column that {role!r} names too; leave it out of one")


@dataclass
class Profile:
    """What one column holds, over all tables."""

    name: str
    columns: Sequence[tuple[Table, Column]]
    rows: int = 0
    present: int = 0
    kinds: set[Kind] = field(default_factory=set)
    texts: dict[str, None] = field(default_factory=dict)

    @classmethod
    def of(cls, columns: Sequence[tuple[Table, Column]], name: str) -> "Profile":
        profile = cls(name, columns)
        for _, column in columns:
            profile.rows += len(column)
            if isinstance(column, Text):
                profile.present += int((column.codes >= 0).sum())
                profile.texts.update(dict.fromkeys(distinct(column)))
            elif count := int((~np.isnan(column.values)).sum()):
                profile.present += count
                profile.kinds.add(column.kind)
        return profile

    def kind(self, stray: str = _STRAY) -> Kind:
        """The column's kind, from its values alone; ``stray`` says what to do about text among numbers."""
        kinds = set(self.kinds)
        for text in self.texts:
            kinds.add(_kind_of(text))
            if Kind.CATEGORY in kinds and len(kinds) > 1:
                break
        if len(kinds) <= 1:
            return next(iter(kinds), Kind.NUMBER)
        if kinds == {Kind.NUMBER, Kind.BOOLEAN} and not self.texts:
            return Kind.NUMBER
        self._refuse_stray_text(stray)
        return Kind.CATEGORY

    def _refuse_stray_text(self, remedy: str) -> None:
        """A column of many numbers with some text in it is a mistake in the data, not a set of categories."""
        numbers = [text for text in self.texts if cells.number(text) is not None]
        plain = sum(len(np.unique(c.values)) for _, c in self.columns if isinstance(c, Numbers))
        stray = [text for text in self.texts if _kind_of(text) is not Kind.NUMBER]
        if len(numbers) + plain <= max(_MANY_NUMBERS, len(stray)):
            return
        table, row, text = self._first_stray()
        if row == 0 and table.names is None:
            remedy = "set header=true if the first row holds the columns' names"
        raise table.place.locate(
            DataError(f"{shorten(text)} stands in a column of numbers", remedy, row=row, column=self.name)
        )

    def _first_stray(self) -> tuple[Table, int, str]:
        """The first cell of text that is no number: its table, row and text."""
        for table, column in self.columns:
            if isinstance(column, Text):
                for code, text in enumerate(column.values):
                    if _kind_of(text) is not Kind.NUMBER and (column.codes == code).any():
                        return table, column.row_of(code), text
        raise AssertionError("asked only of columns that hold text")

    def almost_unique(self) -> str | None:
        """Why a text column is no category, where nearly every row has a value of its own."""
        if self.present >= _FEW_ROWS and len(self.texts) >= _ALMOST_UNIQUE * self.present:
            return f"text with {len(self.texts):,} different values in {self.present:,} rows, such as an identifier"
        return None

    def categories(self) -> list[str]:
        """Every value, sorted, so that the codes do not depend on the order of the rows."""
        values = set(self.texts)
        for _, column in self.columns:
            if isinstance(column, Numbers):
                values.update(distinct(as_text(column)))
        return sorted(values)

    def target(self, classes_wanted: bool | None) -> tuple[Kind, tuple[str, ...]]:
        """The target's kind and, where it is text, its class names in the order of their index.

        Raises:
            DataError: nothing but missing values, dates, free text, or text where numbers are wanted.
        """
        if not self.present:
            raise DataError("the target column has no values", "check 'target' and the file", column=self.name)
        kind = self.kind("correct the cell, or leave the row out")
        if kind is Kind.DATE:
            raise DataError("the target column holds dates", "name a column of numbers or classes", column=self.name)
        if kind is Kind.NUMBER:
            return kind, ()
        classes = self.categories()
        if classes_wanted is False:
            raise self._text_target()
        if reason := self.almost_unique():
            raise DataError(
                f"the target column holds {reason}",
                "name a column of numbers or of a few classes",
                column=self.name,
            )
        return kind, tuple(classes)

    def _text_target(self) -> DataError:
        remedy = "name a numeric column in 'target', or use a binary: or multi: objective"
        if not self.texts:  # booleans of Parquet
            return DataError(
                "the target holds true and false, and the objective needs numbers", remedy, column=self.name
            )
        table, row, text = self._first_stray()
        cause = f"the target {shorten(text)} is text, and the objective needs numbers"
        return table.place.locate(DataError(cause, remedy, row=row, column=self.name))


def _kind_of(text: str) -> Kind:
    if cells.number(text) is not None:
        return Kind.NUMBER
    if cells.boolean(text) is not None:
        return Kind.BOOLEAN
    return Kind.DATE if cells.days(text) is not None else Kind.CATEGORY
