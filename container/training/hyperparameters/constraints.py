"""Constraints on features, which only the data's schema can check."""

import difflib
import json
from collections.abc import Iterable
from typing import Any

from container.data.schema import Schema
from container.errors import UserError, listing
from container.training.rows.encoded import booster_names


def resolve(params: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """The parameters with their constraints' feature names as the booster has them.

    Raises:
        UserError: a constraint names a feature that is not there, or has an index beyond the last.
    """
    resolved = dict(params)
    known = dict(zip(schema.names, booster_names(schema), strict=True))
    match params.get("monotone_constraints"):
        case dict() as directions:
            _check_names("monotone_constraints", directions, known)
            resolved["monotone_constraints"] = {known[name]: direction for name, direction in directions.items()}
        case str() as text:
            if (count := text.count(",") + 1) > len(known):
                raise UserError(f"'monotone_constraints': must have at most {len(known)} directions, got {count}")
    match params.get("interaction_constraints"):
        case list() as groups:
            _check_names("interaction_constraints", (name for group in groups for name in group), known)
            resolved["interaction_constraints"] = [[known[name] for name in group] for group in groups]
        case str() as text:
            if (last := max(index for group in json.loads(text) for index in group)) >= len(known):
                raise UserError(f"'interaction_constraints': must have indices below {len(known)}, got {last}")
    return resolved


def _check_names(parameter: str, names: Iterable[str], known: dict[str, str]) -> None:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {listing(tuple(known))}"
            raise UserError(f"{parameter!r}: there is no feature {name!r}; {hint}")
