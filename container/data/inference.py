"""What each column is, decided from all the tables a model is trained on."""

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from container.data.profile import Profile
from container.data.schema import Feature, Other, Role, Schema
from container.data.table import Kind, Table
from container.errors import UserError, listing

Reference = str | int
"""A column as the user names it: by name, or by its 0-based position."""


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


Agree = Callable[[list[dict[str, Any]]], list[list[dict[str, Any]]]]
"""Takes this host's column summaries and returns those of the other hosts."""


def infer(
    tables: Sequence[Table], roles: Roles, classes_wanted: bool | None = None, agree: Agree | None = None
) -> Inferred:
    """Decide every column's kind over all tables, which have the same columns in the same order.

    ``classes_wanted`` says whether the objective takes classes (True), numbers (False) or is open (None).
    With ``agree``, the decision is over the tables of all hosts, and the same on each.

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

    positions = [position for position in range(width) if position != weight and position not in ignored]
    profiles = [
        Profile.of(
            [(table, table.columns[position]) for table in tables],
            names[position] if names else f"column {position}",
            every_number=position in categorical,
        )
        for position in positions
    ]
    if agree is not None:
        for summaries in agree([profile.summary() for profile in profiles]):
            for profile, summary in zip(profiles, summaries, strict=True):
                profile.add(summary)

    features: list[Feature] = []
    others = [Other(names[p] if names else f"column {p}", p, Role.IGNORED) for p in sorted(ignored)]
    left_out: dict[str, str] = {}
    for position, profile in zip(positions, profiles, strict=True):
        name = profile.name
        if position == target:
            continue
        kind = Kind.CATEGORY if position in categorical else profile.kind()
        if kind is Kind.CATEGORY and position not in categorical and (reason := profile.almost_unique()):
            others.append(Other(name, position, Role.IGNORED))
            left_out[name] = reason
            continue
        categories = tuple(profile.categories()) if kind is Kind.CATEGORY else ()
        features.append(Feature(name if names else f"f{len(features)}", kind, position, categories))
    if not features:
        raise UserError("no column is left to learn from; the data needs at least one besides the target")

    labels = profiles[positions.index(target)]
    others.append(Other(labels.name, target, Role.TARGET))
    if weight is not None:
        others.append(Other(names[weight] if names else f"column {weight}", weight, Role.WEIGHT))
    kind, classes = labels.target(classes_wanted)
    schema = Schema(tuple(features), tuple(others), named=names is not None, classes=classes)
    return Inferred(schema, kind, left_out)


def _check_roles(target: int, weight: int | None, ignored: set[int]) -> None:
    if target == weight:
        raise UserError("'weight_column' names the target column; the two must differ")
    for role, position in (("target", target), ("weight_column", weight)):
        if position in ignored:
            raise UserError(f"'ignore_columns' names the column that {role!r} names too; leave it out of one")
