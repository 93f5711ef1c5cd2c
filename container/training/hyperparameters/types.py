"""How the text of one hyperparameter becomes a value: the types ``parameters.py`` declares its fields with.

Every reader raises ValueError with a phrase that completes "'name': …". Nothing is ever evaluated: lists
and mappings are JSON, or the few shorthand spellings XGBoost's users write.
"""

import json
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BeforeValidator

from container.training.hyperparameters.metric_names import check_metric


@dataclass(frozen=True)
class Accepts:
    """What a type takes, in words, for the generated documentation."""

    text: str


def unquote(text: str) -> str:
    """The string inside a JSON-quoted one: SageMaker's SDKs send both ``hist`` and ``"hist"``."""
    bare = text.strip()
    if len(bare) > 1 and bare[0] == bare[-1] == '"':
        try:
            return str(json.loads(bare))
        except ValueError:
            return text
    return text


def shown(value: object) -> str:
    """The value as messages quote it: a long one shortened, for the cause must stay in sight."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:60]}…{text[-10:]}"


def choices(annotation: object) -> tuple[str, ...]:
    """The words a Literal type, optional or not, allows."""
    inner = annotation
    if get_origin(annotation) is not Literal:
        inner = next(part for part in get_args(annotation) if get_origin(part) is Literal)
    return get_args(inner)


def _column(item: Any) -> str | int:
    """A column by name or, where the text is a whole number, by index."""
    if isinstance(item, bool) or not isinstance(item, str | int) or item == "":
        raise ValueError(f"must name columns or give their indices, got {shown(item)}")
    return int(item) if isinstance(item, str) and re.fullmatch(r"\s*-?[0-9]{1,9}\s*", item) else item


def _items(text: str) -> list[Any]:
    """A JSON list, or the parts of a comma list."""
    if text.lstrip().startswith("["):
        return _json(text, list, "a comma list or a JSON list")  # type: ignore[no-any-return]
    return [part.strip() for part in text.split(",")]


def _json(text: str, kind: type, expected: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"must be {expected}, got {shown(text)}: {error}") from None
    if not isinstance(value, kind):
        raise ValueError(f"must be {expected}, got {shown(text)}")
    return value


def _columns(text: str) -> tuple[str | int, ...]:
    if text.lstrip().startswith("["):
        # In a JSON list a quoted "3" is a name and a bare 3 an index.
        return tuple(item if isinstance(item, str) and item else _column(item) for item in _items(text))
    return tuple(_column(item) for item in _items(text))


def _target(text: str) -> str | int | tuple[str | int, ...]:
    """One column, or a tuple of several; a comma list stays text, for a name may have a comma."""
    if not text.lstrip().startswith("["):
        return _column(text)
    columns = _columns(text)
    if not columns:
        raise ValueError(f"must name at least one column, got {shown(text)}")
    return columns[0] if len(columns) == 1 else columns


def _metrics(text: str) -> tuple[str, ...]:
    names = [item.strip() if isinstance(item, str) else str(item) for item in _items(text)]
    return tuple(dict.fromkeys(check_metric(name) for name in names))


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(item) for item in _items(text))
    except (TypeError, ValueError):
        raise ValueError(f"must be a number or a list of numbers, got {shown(text)}") from None


def _fractions(text: str) -> tuple[float, ...]:
    values = _numbers(text)
    if not values or not all(0 <= value <= 1 for value in values) or list(values) != sorted(values):
        raise ValueError(f"must be numbers from 0 to 1 in ascending order, got {shown(text)}")
    return values


def _monotone(text: str) -> tuple[int, ...] | dict[str, int]:
    expected = "a list like (1,0,-1), one of -1, 0, 1 a feature, or a JSON object of feature names"
    text = text.strip()
    if text.startswith("{"):
        value: Any = _json(text, dict, expected)
        directions = list(value.values())
    else:
        directions = _json(f"[{text.strip('()[] ').rstrip(',')}]", list, expected)
        value = tuple(directions)
    if not directions or not all(type(item) is int and -1 <= item <= 1 for item in directions):
        raise ValueError(f"must be {expected}, got {shown(text)}")
    return value  # type: ignore[no-any-return]


def _interactions(text: str) -> tuple[tuple[str, ...] | tuple[int, ...], ...]:
    expected = "a list of lists of feature names or of 0-based feature indices, like [[0,1],[2,3,4]]"
    groups = _json(text, list, expected)
    members = [item for group in groups for item in (isinstance(group, list) and group) or [None]]
    named = all(isinstance(item, str) for item in members)
    if not members or not (named or all(type(item) is int and item >= 0 for item in members)):
        raise ValueError(f"must be {expected}, got {shown(text)}")
    return tuple(tuple(group) for group in groups)


def _updaters(text: str) -> tuple[str, ...]:
    names = _items(text)
    for name in names:
        if name not in TREE_UPDATERS + LINEAR_UPDATERS:
            raise ValueError(f"must be of {', '.join(TREE_UPDATERS + LINEAR_UPDATERS)}, got {shown(name)}")
    return tuple(names)


def _delimiter(text: str) -> str:
    text = {"\\t": "\t", "tab": "\t", "space": " "}.get(text, text)
    if text != "auto" and (len(text) != 1 or text.isalnum() or text in "\"'\r\n+-."):
        raise ValueError(f"must be 'auto' or one character such as , ; | tab space, got {shown(text)}")
    return text


def _device(text: str) -> str:
    device = re.sub("^gpu", "cuda", text.strip().lower())
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        raise ValueError(f"must be 'auto', 'cpu', 'cuda' or 'cuda:<ordinal>', got {shown(text)}")
    return device


def _folder(text: str) -> str:
    if not text.startswith("/") or "\0" in text:
        raise ValueError(f"must be the absolute path of a folder, got {shown(text)}")
    return text


GROWERS: dict[str, Literal["exact", "approx", "hist"]] = {
    "grow_colmaker": "exact",
    "grow_histmaker": "approx",
    "grow_quantile_histmaker": "hist",
    "grow_gpu_hist": "hist",
    "grow_gpu_approx": "approx",
}
"""Which tree_method has which updater, by XGBoost 3.4's source (src/gbm/gbtree.cc)."""
ON_GPU = {name: method for name, method in GROWERS.items() if "gpu" in name}
MODIFIERS = ("prune", "refresh")
TREE_UPDATERS = (*GROWERS, *MODIFIERS)
LINEAR_UPDATERS = ("shotgun", "coord_descent")

Column = Annotated[str | int, BeforeValidator(_column), Accepts("column name or index")]
Columns = Annotated[
    tuple[str | int, ...],
    BeforeValidator(_columns),
    Accepts("comma list or JSON list of column names or indices"),
]
Target = Annotated[
    str | int | tuple[str | int, ...],
    BeforeValidator(_target),
    Accepts("column name or index, or a comma list or JSON list of several"),
]
Metrics = Annotated[tuple[str, ...], BeforeValidator(_metrics), Accepts("comma list or JSON list of metrics")]
Numbers = Annotated[tuple[float, ...], BeforeValidator(_numbers), Accepts("number, or list with one an output")]
Fractions = Annotated[
    tuple[float, ...], BeforeValidator(_fractions), Accepts("number or ascending list of numbers in [0, 1]")
]
Monotone = Annotated[
    tuple[int, ...] | dict[str, int],
    BeforeValidator(_monotone),
    Accepts('`(1,0,-1)` in feature order, or JSON by name: `{"area": 1}`'),
]
Interactions = Annotated[
    tuple[tuple[str, ...] | tuple[int, ...], ...],
    BeforeValidator(_interactions),
    Accepts("list of lists of feature names or 0-based feature indices: `[[0,1],[2,3]]`"),
]
Updaters = Annotated[
    tuple[str, ...],
    BeforeValidator(_updaters),
    Accepts("comma list of " + ", ".join(f"`{name}`" for name in TREE_UPDATERS + LINEAR_UPDATERS)),
]
Header = Annotated[Literal["auto", "true", "false"], BeforeValidator(str.lower)]
Delimiter = Annotated[str, BeforeValidator(_delimiter), Accepts("`auto` or one character (`\\t`: tab)")]
Folder = Annotated[str, BeforeValidator(_folder), Accepts("absolute path")]
Device = Annotated[str, BeforeValidator(_device), Accepts("`auto`, `cpu`, `cuda` or `cuda:<ordinal>`")]

Objective = Literal[
    "reg:squarederror", "reg:squaredlogerror", "reg:logistic", "reg:pseudohubererror", "reg:absoluteerror",
    "reg:quantileerror", "reg:expectileerror", "reg:gamma", "reg:tweedie",
    "binary:logistic", "binary:logitraw", "binary:hinge", "count:poisson", "multi:softmax", "multi:softprob",
    "rank:ndcg", "rank:map", "rank:pairwise", "survival:aft", "survival:cox",
]  # fmt: skip
