"""What each column is, decided from all the tables a model is trained on."""

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from container.data.profile import Profile
from container.data.schema import Feature, Other, Role, Schema
from container.data.table import Kind, Table
from container.errors import UserError, listing

Reference = str | int
"""A column as the user names it: by name, or by its 0-based position."""

_INDEX = ("column 0", "Unnamed: 0")
"""The first column where a CSV header has nothing above it, here and in pandas: a frame's index, or R's row names."""


@dataclass(frozen=True)
class Roles:
    """Which columns the user said are what. Beside an ``upper_bound``, ``target`` is the lower one."""

    target: Reference | tuple[Reference, ...] = 0
    weight: Reference | None = None
    group: Reference | None = None
    upper_bound: Reference | None = None
    ignored: tuple[Reference, ...] = ()
    categorical: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class Inferred:
    """The schema, and for the log what became of the columns that are not features (name → reason).

    ``categorical`` has the positions of the columns that `Roles.categorical` names.
    """

    schema: Schema
    target_kind: Kind
    left_out: dict[str, str]
    categorical: frozenset[int] = frozenset()


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


def references(target: Reference | tuple[Reference, ...], names: tuple[str, ...] | None) -> tuple[Reference, ...]:
    """The columns a target names: several as a tuple, or as a comma list that is not the name of one column."""
    if isinstance(target, tuple):
        return target
    if isinstance(target, str) and "," in target and target not in (names or ()):
        parts = (part.strip() for part in target.split(","))
        return tuple(int(part) if re.fullmatch("-?[0-9]+", part) else part for part in parts)
    return (target,)


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
    said = "target" if roles.upper_bound is None else "lower_bound_column"
    targets = [resolve(reference, names, width, said) for reference in references(roles.target, names)]
    single = (
        (Role.WEIGHT, "weight_column", roles.weight),
        (Role.GROUP, "group_column", roles.group),
        (Role.UPPER_BOUND, "upper_bound_column", roles.upper_bound),
    )
    apart = {role: (word, resolve(of, names, width, word)) for role, word, of in single if of is not None}
    ignored = {resolve(reference, names, width, "ignore_columns") for reference in roles.ignored}
    categorical = {resolve(reference, names, width, "categorical_columns") for reference in roles.categorical}
    _check_roles([*((said, target) for target in targets), *apart.values()], ignored)
    left_out: dict[str, str] = {}
    if _begins_with_index(names, roles, {*ignored, *categorical, *(position for _, position in apart.values())}):
        if 0 in targets:
            raise UserError(f"the first column has no name, as an index has none; name the target's column in {said!r}")
        ignored.add(0)
        left_out[names[0]] = "a first column without a name, as an index is; give it one to keep it"

    unused = ignored | {position for _, position in apart.values()}
    positions = [position for position in range(width) if position not in unused]
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
    for position, profile in zip(positions, profiles, strict=True):
        name = profile.name
        if position in targets:
            continue
        kind = Kind.CATEGORY if position in categorical else profile.kind()
        if kind is Kind.CATEGORY and position not in categorical and (reason := profile.almost_unique()):
            others.append(Other(name, position, Role.IGNORED))
            left_out[name] = f"{reason}; name it in categorical_columns to keep it"
            continue
        categories = tuple(profile.categories()) if kind is Kind.CATEGORY else ()
        features.append(Feature(name if names else f"f{len(features)}", kind, position, categories))
    if not features:
        raise _nothing_to_learn_from(width, left_out)

    labels = [profiles[positions.index(target)] for target in targets]
    others += [Other(of.name, position, Role.TARGET) for of, position in zip(labels, targets, strict=True)]
    for role, (_, position) in apart.items():
        others.append(Other(names[position] if names else f"column {position}", position, role))
    if len(labels) > 1 or roles.upper_bound is not None:
        classes_wanted = False
    decided = [profile.target(classes_wanted) for profile in labels]
    kind, classes = decided[0]
    schema = Schema(tuple(features), tuple(others), named=names is not None, classes=classes)
    return Inferred(schema, kind, left_out, frozenset(categorical))


def _begins_with_index(names: tuple[str, ...] | None, roles: Roles, asked: set[int]) -> TypeGuard[tuple[str, ...]]:
    """Whether the first column has no name, where others have, and nobody asked for it; position 0 is no asking."""
    if names is None or names[0] not in _INDEX or "column 1" in names or 0 in asked:
        return False
    return names[0] not in references(roles.target, names)


def _check_roles(placed: Sequence[tuple[str, int]], ignored: set[int]) -> None:
    """``placed`` has each column that is no feature, as the name of the hyperparameter and its position."""
    taken: dict[int, str] = {}
    for role, position in placed:
        if (other := taken.setdefault(position, role)) != role:
            raise UserError(f"{role!r} names the {_NOUNS.get(other, other)} column; the two must differ")
        if position in ignored:
            raise UserError(f"'ignore_columns' names the column that {role!r} names too; leave it out of one")
    if len(taken) < len(placed):
        raise UserError("'target' names a column twice; name each once")


_NOUNS = {"weight_column": "weight", "group_column": "group", "lower_bound_column": "lower bound"}


def _nothing_to_learn_from(width: int, left_out: dict[str, str]) -> UserError:
    if left_out:
        name, reason = next(iter(left_out.items()))
        return UserError(f"no column is left to learn from: {name!r} is {reason}, or add others")
    needs = "no column is left to learn from; the data needs at least one besides the target"
    if width == 1:
        needs += ", and has 1; if its cells are several, say in 'delimiter' what separates them"
    return UserError(needs)
