"""The block in the log that says what was read and what each column became."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from container.data.encoding import encode
from container.data.formats import AnyTable
from container.data.inference import Inferred
from container.data.schema import Feature, Role, Schema
from container.data.table import Kind, SparseTable
from container.training.objective import Task
from container.training.rows.encoded import Rows

_PLURAL = {
    Kind.NUMBER: "numbers",
    Kind.BOOLEAN: "booleans",
    Kind.INDICATOR: "indicators",
    Kind.DATE: "dates",
    Kind.CATEGORY: "categories",
}
_MOST_NAMES = 200


def describe(
    channels: Mapping[str, str],
    labels: Sequence[Rows],
    inferred: Inferred | None,
    schema: Schema,
    task: Task,
) -> str:
    """A line for each channel, the target, each kind of feature, what is left out, and the objective.

    ``channels`` has what `channel` says of each.
    """
    lines = ["Data", *(_line(name, text) for name, text in channels.items())]
    lines += [_line("target" if i == 0 else "", text) for i, text in enumerate(_targets(labels, schema))]
    if task.objective.startswith("rank:"):
        lines.append(_line("queries", _queries(labels)))
    lines.append(_line("features", _features(schema)))
    if inferred is not None:
        for kind, plural in _PLURAL.items():
            if named := [_name(feature) for feature in schema.features if feature.kind is kind]:
                lines.append(_line(f"  {plural}", _names(named)))
        ignored = [o.name for o in schema.others if o.role is Role.IGNORED and o.name not in inferred.left_out]
        unknown = {*inferred.schema.names} & {*ignored}
        if asked := [name for name in ignored if name not in unknown]:
            lines.append(_line("ignored", _names(asked) + ", as asked"))
        if unknown:
            text = _names([name for name in ignored if name in unknown])
            lines.append(_line("left out", f"{text}: the earlier model has no such columns"))
        for name, why in inferred.left_out.items():
            if name not in schema.names:
                lines.append(_line("left out", f"{name}: {why}"))
    lines.append(_line("objective", f"{task.objective}, {task.reason}"))
    single = len(schema.targets) < 2
    if task.objective == "reg:squarederror" and single and all(np.isin(part.label, (0, 1)).all() for part in labels):
        lines.append(_line("", "the target has only 0 and 1: set objective=binary:logistic to train a classifier"))
    return "\n".join(lines)


def _line(label: str, text: str) -> str:
    return textwrap.fill(text, 118, initial_indent=f"  {label:<14}", subsequent_indent=" " * 16, break_long_words=False)


def channel(parts: Sequence[AnyTable], schema: Schema) -> str:
    """How many files, rows and columns a channel has, and how much is missing."""
    rows = sum(part.rows for part in parts)
    count = sum(not part.continues for part in parts)
    files = f"{count} file" + ("s" if count > 1 else "")
    text = f"{files}, {rows:,} rows"
    if isinstance(parts[0], SparseTable):
        given = sum(part.matrix.nnz for part in parts if isinstance(part, SparseTable))
        return f"{text}, {len(schema.features)} features, {_share(1 - given / max(1, rows * len(schema.features)))}"
    cells = missing = 0
    for part in parts:
        if not isinstance(part, SparseTable):
            for feature in schema.features:
                missing += part.columns[feature.position].missing
                cells += part.rows
    names = "named in the header or file" if schema.named else "without names"
    text += f", {len(schema.features) + len(schema.others)} columns {names}, {_share(missing / max(1, cells))}"
    unknown = _unknown(parts, schema)
    return (
        f"{text}; cells of categories the model does not have, which count as missing: {unknown}" if unknown else text
    )


def _share(missing: float) -> str:
    return f"{missing:.1%} of the feature cells missing"


def _unknown(parts: Sequence[AnyTable], schema: Schema) -> str:
    """How many, by feature: of validation data, or where an earlier model goes on."""
    counts = {
        feature.name: sum(
            encode(part.columns[feature.position], feature.kind, feature.name, feature.categories)[1]
            for part in parts
            if not isinstance(part, SparseTable)
        )
        for feature in schema.features
        if feature.kind is Kind.CATEGORY
    }
    return _names([f"{name} ({count:,})" for name, count in counts.items() if count])


def _targets(labels: Sequence[Rows], schema: Schema) -> list[str]:
    if len(schema.targets) < 2:
        text = _target(labels, schema, schema.targets[0] if schema.targets else "label")
        upper = next((other.name for other in schema.others if other.role is Role.UPPER_BOUND), None)
        return [text if upper is None else f"{text}; at most {upper}"]
    return [
        _target([replace(part, label=part.label[:, i]) for part in labels], schema, name)
        for i, name in enumerate(schema.targets)
    ]


def _queries(rows: Sequence[Rows]) -> str:
    groups = [part.group for part in rows if part.group is not None]
    if not groups:
        return "none are told apart, and all rows are ranked against each other; name their column in group_column"
    return f"{len(np.unique(np.concatenate(groups))):,}"


def _target(labels: Sequence[Rows], schema: Schema, name: str) -> str:
    values = np.concatenate([part.label for part in labels])
    if schema.classes:
        counts = np.bincount(values.astype(np.intp), minlength=len(schema.classes))
        classes = [f"{label} ({count:,})" for label, count in zip(schema.classes, counts, strict=True)]
        return f"{name}: classes {_names(classes)}"
    if not len(values):
        return f"{name}: this host has no rows"
    return f"{name}: numbers from {values.min():g} to {values.max():g}, mean {values.mean():g}"


def _features(schema: Schema) -> str:
    counts = [(sum(f.kind is kind for f in schema.features), kind) for kind in _PLURAL]
    words = [f"{count} {kind if count == 1 else _PLURAL[kind]}" for count, kind in counts if count]
    return f"{len(schema.features)}: " + ", ".join(words)


def _name(feature: Feature) -> str:
    return f"{feature.name} ({len(feature.categories)})" if feature.kind is Kind.CATEGORY else feature.name


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown} and {len(names) - _MOST_NAMES} more"
