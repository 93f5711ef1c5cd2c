"""Hyperparameters that are right one by one and wrong together.

Sources: the checks in XGBoost 3.4's source, which fail there with a C++ stack after the data is read.
"""

from collections.abc import Iterator

from container.training.hyperparameters.metric_names import misfits
from container.training.hyperparameters.parameters import Parameters
from container.training.hyperparameters.types import GROWERS, LINEAR_UPDATERS


def conflicts(settings: Parameters, objective: str | None) -> Iterator[str]:
    """One sentence for each; ``objective`` is the job's, or None while it is not known."""
    if objective is not None:
        yield from _with_objective(settings, objective)
    yield from _in_booster(settings)
    if settings.csv_weights and settings.weight_column is not None:
        yield "'csv_weights' and 'weight_column' both say where the weights are; give one of them"
    if (settings.lower_bound_column is None) != (settings.upper_bound_column is None):
        yield "'lower_bound_column' and 'upper_bound_column' belong together; give both"


def _with_objective(settings: Parameters, objective: str) -> Iterator[str]:
    if settings.num_class and not objective.startswith("multi:"):
        yield f"'num_class': only for multi:softmax and multi:softprob, the objective is {objective!r}"
    for name, alpha in (("quantile", settings.quantile_alpha), ("expectile", settings.expectile_alpha)):
        owner = f"reg:{name}error"
        if alpha is None and objective == owner:
            yield f"'{name}_alpha': missing; {owner} needs it, such as 0.1,0.5,0.9"
        elif alpha is not None and objective != owner:
            yield f"'{name}_alpha': only for {owner}, the objective is {objective!r}"
    if settings.group_column is not None and not objective.startswith("rank:"):
        yield f"'group_column': only for rank:ndcg, rank:map and rank:pairwise, the objective is {objective!r}"
    if settings.lower_bound_column is not None and objective != "survival:aft":
        yield f"'lower_bound_column': only for survival:aft, the objective is {objective!r}"
    if objective in ("binary:logistic", "reg:logistic"):
        for score in settings.base_score or ():
            if not 0 < score < 1:
                yield f"'base_score': must be between 0 and 1 for {objective}, got {score:g}"
    # None: as many as the data has classes
    outputs = settings.num_class if objective.startswith("multi:") else _outputs(settings)
    if objective in ("reg:quantileerror", "reg:expectileerror") and outputs != 1:
        for metric in settings.eval_metric:
            if metric not in ("quantile", "expectile", "mphe"):
                yield f"'eval_metric': {metric!r} needs one prediction a row, and {objective} makes {outputs}"
    scores = len(settings.base_score or ())
    if scores > 1 and outputs not in (None, scores):
        yield f"'base_score': must be one number, or one for each output ({outputs}), got {scores}"
    for misfit in misfits(objective, settings.eval_metric):
        yield f"'eval_metric': {misfit}"


def _outputs(settings: Parameters) -> int | None:
    if isinstance(settings.target, tuple):
        return len(settings.target)
    if isinstance(settings.target, str) and "," in settings.target:
        return None  # a name with a comma, or a list: the data will tell
    return len(settings.quantile_alpha or settings.expectile_alpha or (0,))


def _in_booster(settings: Parameters) -> Iterator[str]:
    if settings.tree_method == "exact":
        if settings.device.startswith("cuda"):
            yield "'tree_method': 'exact' runs on the CPU only; use 'hist' with a GPU"
        if settings.max_depth == 0:
            yield "'max_depth': must be at least 1 for tree_method 'exact', got '0'"
        if settings.sampling_method == "gradient_based":
            yield "'sampling_method': 'gradient_based' needs tree_method 'hist' or 'approx', got 'exact'"
    if settings.multi_strategy == "multi_output_tree":
        if settings.tree_method in ("exact", "approx"):
            yield f"'multi_strategy': 'multi_output_tree' needs tree_method 'hist', got {settings.tree_method!r}"
        if settings.monotone_constraints is not None:
            yield "'multi_strategy': 'multi_output_tree' cannot be had with monotone_constraints"
    if settings.process_type == "update":
        yield "'process_type': 'update' changes the trees of an earlier model, and this job starts without one"
    yield from _in_updaters(settings)


def _in_updaters(settings: Parameters) -> Iterator[str]:
    updaters = settings.updater or ()
    given = ",".join(updaters)
    linear = [name for name in updaters if name in LINEAR_UPDATERS]
    if settings.booster == "gblinear":
        if updaters and not (linear and len(updaters) == 1):
            yield f"'updater': must be one of {', '.join(LINEAR_UPDATERS)} for booster 'gblinear', got {given!r}"
    elif linear:
        yield f"'updater': {linear[0]!r} needs booster 'gblinear'"
    if sum(name in GROWERS for name in updaters) > 1:
        yield f"'updater': must have at most one of {', '.join(GROWERS)}, got {given!r}"
    if settings.feature_selector in ("random", "greedy", "thrifty") and "coord_descent" not in updaters:
        yield f"'feature_selector': {settings.feature_selector!r} needs updater 'coord_descent'"
