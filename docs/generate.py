"""Writes the tables between ``<!-- generated: NAME -->`` and ``<!-- /generated -->`` from the declarations.

python docs/generate.py            rewrite docs/*.md and README.md
python docs/generate.py --check    exit 1 and show the difference where they are not up to date
"""

import argparse
import difflib
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal, get_args, get_origin

import annotated_types

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "local_test")]

from contract_check.cli import RULES  # noqa: E402

from container.contract.serving_env import SETTINGS, WITHOUT_EFFECT  # noqa: E402
from container.training.hyperparameters.metric_names import CLASS_METRICS, VALUE_METRICS, XGBOOST_METRICS  # noqa: E402
from container.training.hyperparameters.parameters import FIELDS, Parameter  # noqa: E402
from container.training.hyperparameters.parse import ALIASES, OBSOLETE, OBSOLETE_UPDATERS  # noqa: E402
from container.training.hyperparameters.types import Accepts  # noqa: E402


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def accepted(parameter: Parameter) -> str:
    """What a hyperparameter takes, from its type and bounds."""
    annotation, metadata = parameter.info.annotation, list(parameter.info.metadata)
    if type(None) in get_args(annotation):
        (annotation,) = (part for part in get_args(annotation) if part is not type(None))
        metadata += getattr(annotation, "__metadata__", ())
    for item in metadata:
        if isinstance(item, Accepts):
            return item.text
    if get_origin(annotation) is Literal:
        return code(get_args(annotation))
    kinds: dict[object, str] = {bool: "`1` or `0`", int: "whole number", float: "number", str: "text"}
    return kinds[annotation] + bounds(metadata)


def bounds(metadata: Iterable[object]) -> str:
    """`` in (0, 1]``, `` ≥ 0`` and so on."""
    low: tuple[str, str] | None = None
    high: tuple[str, str] | None = None
    for item in metadata:
        match item:
            case annotated_types.Ge(value):
                low = (f"≥ {value}", f"[{value}")
            case annotated_types.Gt(value):
                low = (f"> {value}", f"({value}")
            case annotated_types.Le(value):
                high = (f"≤ {value}", f"{value}]")
            case annotated_types.Lt(value):
                high = (f"< {value}", f"{value})")
    if low and high:
        return f" in {low[1]}, {high[1]}"
    only = low or high
    return f" {only[0]}" if only else ""


def hyperparameters(group: str) -> str:
    rows = []
    for name, parameter in FIELDS.items():
        if parameter.group == group:
            aliases = [alias for alias, target in ALIASES.items() if target == name]
            shown = f"`{name}`" + (f" or {code(aliases)}" if aliases else "")
            rows.append((shown, accepted(parameter), parameter.default, parameter.info.description or ""))
    return table(("Name", "Values", "Default", "Meaning"), rows)


def all_hyperparameters() -> str:
    groups = dict.fromkeys(parameter.group for parameter in FIELDS.values())
    return "\n\n".join(f"## {group}\n\n{hyperparameters(group)}" for group in groups)


def metrics() -> str:
    return table(
        ("Metrics", "Computed"),
        [
            (code(XGBOOST_METRICS), "by XGBoost"),
            (code(CLASS_METRICS), "here, from the predicted classes"),
            (code(VALUE_METRICS), "here, from the predicted values"),
        ],
    )


def obsolete() -> str:
    return f"{code(OBSOLETE)}; of `updater`: {code(OBSOLETE_UPDATERS)}."


def settings() -> str:
    return table(
        ("Variable", "Values", "Default", "Meaning"),
        [(f"`{s.variable}`", s.accepts, s.default, s.doc) for s in SETTINGS.values()],
    )


def other_settings() -> str:
    ignored = [(f"`{name}`", f"without effect: {why}") for name, why in WITHOUT_EFFECT.items()]
    return table(("Variable", "Here"), ignored)


def contract_rules() -> str:
    return table(("Rule", "What the platform says"), [(f"`{rule.name}`", rule.says) for rule in RULES])


BLOCKS: dict[str, Callable[[], str]] = {
    "hyperparameters": all_hyperparameters,
    "metrics": metrics,
    "obsolete": obsolete,
    "settings": settings,
    "other settings": other_settings,
    "contract rules": contract_rules,
}

_BLOCK = re.compile(r"(?P<start><!-- generated: (?P<name>[^>]+) -->\n).*?(?P<end><!-- /generated -->)", re.DOTALL)


def renew(page: str) -> str:
    """The page with its generated parts as they should be. Raises KeyError for a part nobody writes."""
    return _BLOCK.sub(lambda found: f"{found['start']}\n{BLOCKS[found['name']]()}\n\n{found['end']}", page)


def main(arguments: list[str], root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(description="Writes the generated tables of docs/*.md and README.md.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a page would change")
    check = parser.parse_args(arguments).check
    stale = False
    for file in [*sorted((root / "docs").rglob("*.md")), root / "README.md"]:
        if not file.exists():
            continue
        before = file.read_text("utf-8")
        after = renew(before)
        if after == before:
            continue
        stale = True
        if check:
            name = str(file.relative_to(root))
            lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, "generated", lineterm="")
            sys.stdout.write("\n".join(lines) + "\n")
        else:
            file.write_text(after, "utf-8")
    return int(check and stale)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
