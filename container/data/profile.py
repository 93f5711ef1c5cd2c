"""What one column holds over all tables, and what kind of column that makes it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from container.data import cells
from container.data.encoding import AS_WRITTEN, as_text, distinct, shorten
from container.data.table import Column, Kind, Numbers, Table, Text
from container.errors import DataError

_ALMOST_UNIQUE = 0.9
"""A text column with this many distinct values per row is an identifier or free text, not a category."""
_FEW_ROWS = 20
_MANY_NUMBERS = 20
_STRAY = "leave the cell empty where the number is not known, or name the column in categorical_columns"


@dataclass
class Profile:
    """What one column holds, over all tables."""

    name: str
    columns: Sequence[tuple[Table, Column]]
    every_number: bool = False
    rows: int = 0
    present: int = 0
    kinds: set[Kind] = field(default_factory=set)
    texts: dict[str, None] = field(default_factory=dict)
    numbers: set[str] = field(default_factory=set)
    many_numbers: bool = False
    categorical: bool = False

    @classmethod
    def of(cls, columns: Sequence[tuple[Table, Column]], name: str, *, every_number: bool = False) -> "Profile":
        """``every_number`` keeps every number that occurs, as the name of a category."""
        profile = cls(name, columns, every_number)
        for _, column in columns:
            profile.rows += len(column)
            present = len(column) - column.missing
            profile.present += present
            if isinstance(column, Text):
                profile.texts.update(dict.fromkeys(distinct(column)))
                profile.categorical |= column.categorical
            elif present:
                profile.kinds.add(column.kind)
        return profile

    def summary(self) -> dict[str, Any]:
        """What other hosts need to know of this column, as plain JSON values."""
        numbers = None if not self.every_number and self._has_many_numbers() else sorted(self._local_numbers())
        return {
            "rows": self.rows,
            "present": self.present,
            "kinds": sorted(self.kinds),
            "texts": list(self.texts),
            "numbers": numbers,
            "categorical": self.categorical,
        }

    def add(self, summary: dict[str, Any]) -> None:
        """Take in what another host holds of this column."""
        self.rows += summary["rows"]
        self.present += summary["present"]
        self.kinds |= {Kind(kind) for kind in summary["kinds"]}
        self.texts.update(dict.fromkeys(summary["texts"]))
        self.categorical |= summary["categorical"]
        if summary["numbers"] is None:
            self.many_numbers = True
        else:
            self.numbers.update(summary["numbers"])

    def _has_many_numbers(self) -> bool:
        plain = [column.values for _, column in self.columns if isinstance(column, Numbers)]
        # The first rows tell most often, and save sorting millions.
        return any(len(np.unique(part)) > _MANY_NUMBERS for v in plain for part in (v[:10_000], v))

    def _local_numbers(self) -> set[str]:
        """The numbers among this host's columns, as names of categories."""
        found: set[str] = set()
        for _, column in self.columns:
            if isinstance(column, Numbers):
                found.update(distinct(as_text(column)))
        return found

    def kind(self, stray: str = _STRAY) -> Kind:
        """The column's kind; ``stray`` says what to do about text among numbers."""
        if self.categorical:
            return Kind.CATEGORY
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
        stray = [text for text in self.texts if _is_stray(text)]
        count = len(numbers) + len(self._local_numbers() | self.numbers)
        if count <= max(_MANY_NUMBERS, len(stray)) and not self.many_numbers:
            return
        found = self._first(_is_stray)
        if found is None:
            raise DataError(f"{shorten(stray[0])} stands in a column of numbers", remedy, column=self.name)
        table, row, text = found
        if row == 0 and table.names is None and not table.continues:
            remedy = "set header=true if the first row holds the columns' names"
        raise table.place.locate(
            DataError(f"{shorten(text)} stands in a column of numbers", remedy, row=row, column=self.name)
        )

    def _first(self, wanted: Callable[[str], bool]) -> tuple[Table, int, str] | None:
        """The first cell of such a text: its table, row and text; None where another host has it."""
        for table, column in self.columns:
            if isinstance(column, Text):
                for code, text in enumerate(column.values):
                    if wanted(text) and (column.codes == code).any():
                        return table, column.row_of(code), text
        return None

    def almost_unique(self) -> str | None:
        """Why a text column is no category, where nearly every row has a value of its own."""
        if self.present >= _FEW_ROWS and len(self.texts) >= _ALMOST_UNIQUE * self.present:
            return f"text with {len(self.texts):,} different values in {self.present:,} rows, such as an identifier"
        return None

    def categories(self) -> list[str]:
        """Every value, sorted, so that the codes do not depend on the order of the rows.

        Raises:
            DataError: a cell that may be two categories, for files differ in what they were read as.
        """
        numbers = self._local_numbers() | self.numbers
        if not self.every_number:
            self._refuse_two_spellings(numbers)
        return sorted({*self.texts, *numbers})

    def _refuse_two_spellings(self, numbers: set[str]) -> None:
        """Where a large file has only numbers, 01 is 1 there, and where a small one has text too, it is 01."""
        twice = {text: name for text in self.texts if (name := _number_name(text)) in numbers and name != text}
        if not twice:
            return
        found = self._first(twice.__contains__)
        text = next(iter(twice)) if found is None else found[2]
        error = DataError(
            f"{shorten(text)} is text here, and the number {twice[text]} where a file has numbers only",
            AS_WRITTEN,
            row=None if found is None else found[1],
            column=self.name,
        )
        raise error if found is None else found[0].place.locate(error)

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
        if kind is Kind.NUMBER or (classes_wanted is False and self._can_be_numbers()):
            return Kind.NUMBER, ()
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

    def _can_be_numbers(self) -> bool:
        """Whether the column is truth values, or what its format calls categories, and they are all numbers."""
        return Kind.DATE not in self.kinds and all(cells.number(text) is not None for text in self.texts)

    def _text_target(self) -> DataError:
        remedy = "name a numeric column in 'target', or use a binary: or multi: objective"
        found = self._first(_is_stray)
        if found is None:  # another host has it
            return DataError("the target holds text, and the objective needs numbers", remedy, column=self.name)
        table, row, text = found
        cause = f"the target {shorten(text)} is text, and the objective needs numbers"
        return table.place.locate(DataError(cause, remedy, row=row, column=self.name))


def _is_stray(text: str) -> bool:
    return _kind_of(text) is not Kind.NUMBER


def _number_name(text: str) -> str | None:
    value = cells.number(text)
    return None if value is None else cells.number_text(value)


def _kind_of(text: str) -> Kind:
    if cells.number(text) is not None:
        return Kind.NUMBER
    if cells.boolean(text) is not None:
        return Kind.BOOLEAN
    return Kind.DATE if cells.days(text) is not None else Kind.CATEGORY
