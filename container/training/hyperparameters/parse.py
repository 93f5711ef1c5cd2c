"""A job's hyperparameters as SageMaker sends them -> typed, checked values."""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Self

from pydantic import PrivateAttr, ValidationError
from pydantic_core import ErrorDetails

from container.errors import UserError
from container.training.hyperparameters.conflicts import conflicts, idle
from container.training.hyperparameters.metric_names import OUR_METRICS, check_metric
from container.training.hyperparameters.parameters import DATA, FIELDS, Parameters
from container.training.hyperparameters.types import GROWERS, MODIFIERS, ON_GPU, choices, shown, unquote

ALIASES = {
    "learning_rate": "eta",
    "min_split_loss": "gamma",
    "reg_lambda": "lambda",
    "reg_alpha": "alpha",
    "random_state": "seed",
    "n_jobs": "nthread",
    "num_boost_round": "num_round",
    "n_estimators": "num_round",
}

# Once of XGBoost or of the built-in algorithm, without effect in XGBoost 3: old notebooks still send them.
OBSOLETE = (
    "deterministic_histogram",
    "dsplit",
    "lambda_bias",
    "predictor",
    "prob_buffer_row",
    "silent",
    "single_precision_histogram",
    "sketch_eps",
)
OBSOLETE_UPDATERS = ("distcol", "grow_local_histmaker", "grow_skmaker", "sync")


_ELSEWHERE = {
    "label": "target",
    "label_column": "target",
    "target_column": "target",
    "lr": "learning_rate",
    "epochs": "num_round",
    "iterations": "num_round",
    "random_seed": "seed",
    "gpu_id": "device",
}
"""What other tools call what is here, and no likeness of letters finds."""


class Hyperparameters(Parameters):
    """One job's hyperparameters: what was given, and the defaults of what is ours."""

    _warnings: tuple[str, ...] = PrivateAttr(())

    @classmethod
    def parse(cls, raw: Mapping[str, str]) -> Self:
        """Read the map of strings in hyperparameters.json, plain or JSON-quoted.

        Raises UserError with all that is wrong, a line each.
        """
        spelling: dict[str, str] = {}  # parameter -> the name the job gives it by
        values: dict[str, str] = {}
        problems: list[str] = []
        for given, text in raw.items():
            name = ALIASES.get(given, given)
            if given.startswith("sagemaker_") or given in OBSOLETE:
                continue
            if name not in FIELDS:
                problems.append(_unknown(given))
            elif name in spelling:
                problems.append(f"{spelling[name]!r} and {given!r} are the same parameter; give one of them")
            else:
                spelling[name], values[name] = given, _bare(name, unquote(text))
        warnings = []
        if obsolete := [name for name in raw if name in OBSOLETE]:
            warnings.append(f"{', '.join(obsolete)}: without effect in XGBoost 3, ignored")
        warnings += _modernize(values)
        try:
            parsed = cls.model_validate(values)
        except ValidationError as error:
            problems += [_problem(detail, spelling) for detail in error.errors()]
        if problems:
            raise UserError("\n".join(problems))
        if metric := _tuned_metric(parsed):
            parsed = parsed.model_copy(update={"eval_metric": (*parsed.eval_metric, metric)})
        parsed.check(parsed.objective)
        parsed._warnings = (*warnings, *idle(parsed), *_unknown_tuned_metric(parsed))
        return parsed

    def check(self, objective: str | None, outputs: int | None = None) -> None:
        """Raise UserError if parameters contradict each other under this objective, with as many outputs a row."""
        if found := list(conflicts(self, objective, outputs)):
            raise UserError("\n".join(found))

    @property
    def given(self) -> frozenset[str]:
        """The names of the parameters the job sets, aliases resolved."""
        return frozenset(name for name, field in FIELDS.items() if field.attribute in self.model_fields_set)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the job's log should say about its hyperparameters."""
        return self._warnings

    def booster_params(self) -> dict[str, Any]:
        """What the job sets of XGBoost's parameters, as ``xgboost.train`` takes them.

        ``eval_metric`` holds XGBoost's own metrics only; where all that were asked for are ours, XGBoost's
        default metric is switched off. ``device`` is missing while it is 'auto'.
        """
        params = {
            name: _for_xgboost(name, getattr(self, field.attribute))
            for name, field in FIELDS.items()
            if field.for_xgboost and field.attribute in self.model_fields_set
        }
        if params.get("device") == "auto":
            del params["device"]
        if native := [metric for metric in self.eval_metric if metric not in OUR_METRICS]:
            params["eval_metric"] = native
        elif self.eval_metric:
            params["disable_default_eval_metric"] = 1
        return params


def _bare(name: str, text: str) -> str:
    """The value without blanks around it, which a name in the data may have, and the delimiter may be."""
    return text if FIELDS[name].group == DATA and name not in ("header", "csv_weights") else text.strip()


def _for_xgboost(name: str, value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if name == "booster" and value == "dart":
        return "gbtree"  # 'dart' is deprecated in 3.4: the dropout parameters alone switch dropout on
    if name == "monotone_constraints" and isinstance(value, tuple):
        return f"({','.join(map(str, value))})"
    if name == "interaction_constraints":
        groups = [list(group) for group in value]
        # XGBoost's Python package takes a list for names only; indices it takes as text.
        return groups if isinstance(groups[0][0], str) else json.dumps(groups)
    if name == "updater":
        return ",".join(value)
    return list(value) if isinstance(value, tuple) else value


def _modernize(values: dict[str, str]) -> Iterator[str]:
    """Rewrite in place what older versions called otherwise; yields what the log should say."""
    if values.get("objective") == "reg:linear":
        values["objective"] = "reg:squarederror"
    if values.get("tree_method") == "gpu_hist":
        values["tree_method"] = "hist"
        if values.setdefault("device", "cuda") == "cpu":
            yield "tree_method gpu_hist with device cpu: trains on the CPU"
    if values.get("use_dask_gpu_training", "").lower() in ("true", "1"):
        values.setdefault("device", "cuda")
    if "updater" in values:
        yield from _modernize_updaters(values)


def _modernize_updaters(values: dict[str, str]) -> Iterator[str]:
    """The same for ``updater``, which may be a JSON list; without one that grows trees, tree_method decides."""
    names = [name.strip(' []"') for name in values["updater"].split(",")]
    gone = [name for name in names if name in OBSOLETE_UPDATERS]
    if gone:
        yield f"updater {', '.join(gone)}: not in XGBoost 3, ignored"
    growers = [name for name in names if name in GROWERS]
    if growers and growers[0] in ON_GPU and len(growers) == 1 and values.get("booster") != "gblinear":
        values["tree_method"] = ON_GPU[growers[0]]
        if values.setdefault("device", "cuda") == "cpu":
            yield f"updater {growers[0]} with device cpu: trains on the CPU"
        gone += growers
    if not gone:
        return
    left = [name for name in names if name not in gone]
    if all(name in MODIFIERS for name in left):
        del values["updater"]
        if left:
            yield f"updater {', '.join(left)}: without one that grows trees, ignored"
    else:
        values["updater"] = ",".join(left)


def _tuned_metric(settings: Parameters) -> str | None:
    """The metric a tuning job optimizes, where it is one we know and the job does not list it already."""
    metric = (settings.tuning_objective_metric or "").rpartition(":")[2]
    if metric in settings.eval_metric:
        return None
    try:
        return check_metric(metric)
    except ValueError:
        return None  # the tuning job's regular expression reads something else from the log


def _unknown_tuned_metric(settings: Parameters) -> Iterator[str]:
    """What to say where it is written like a metric of ours and is none."""
    channel, _, metric = (settings.tuning_objective_metric or "").rpartition(":")
    if channel in ("train", "validation"):
        try:
            check_metric(metric)
        except ValueError as error:
            yield f"_tuning_objective_metric: {error}; training logs no such metric"


def _unknown(name: str) -> str:
    plain = name.lower().replace("-", "_")
    near = [_ELSEWHERE[plain]] if plain in _ELSEWHERE else difflib.get_close_matches(plain, [*FIELDS, *ALIASES], 1)
    hint = f"did you mean {near[0]!r}?" if near else "docs/hyperparameters.md lists those there are"
    return f"{name!r} is unknown; {hint}"


# pydantic's error types -> our words, with the bound's name in pydantic's context
_PHRASES = {
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be greater than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of fewer digits",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_parsing": "must be 0 or 1",
    "string_unicode": "must be readable text",
}


def _problem(detail: ErrorDetails, spelling: Mapping[str, str]) -> str:
    name = str(detail["loc"][0])
    given, got, context = spelling[name], detail["input"], detail.get("ctx", {})
    if detail["type"] == "value_error":  # raised by parameter_types
        return f"{given!r}: {context['error']}"
    if detail["type"] == "literal_error":
        allowed = choices(FIELDS[name].info.annotation)
        if near := difflib.get_close_matches(got, allowed, 1):
            return f"{given!r}: {shown(got)} is unknown; did you mean {near[0]!r}?"
        return f"{given!r}: must be one of {', '.join(allowed)}, got {shown(got)}"
    bounds = {key: f"{bound:g}" if isinstance(bound, float) else bound for key, bound in context.items()}
    return f"{given!r}: {_PHRASES[detail['type']].format(**bounds)}, got {shown(got)}"
