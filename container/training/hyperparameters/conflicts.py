"""Hyperparameters that are right one by one and wrong together.

Sources: the checks in XGBoost 3.4's source, which fail there with a C++ stack after the data is read.
"""

from collections.abc import Iterator

from container.training.hyperparameters.metric_names import misfits
from container.training.hyperparameters.parameters import Parameters
from container.training.hyperparameters.types import GROWERS, LINEAR_UPDATERS

_GREATEST = 3.4028e38  # of a 32-bit float
_ANY_START = (-_GREATEST, _GREATEST, "what a 32-bit float holds")
_SHARE = (0.0, 1.0, "between 0 and 1")
_POSITIVE = (0.0, _GREATEST, "greater than 0")
_STARTS = {
    "binary:logistic": _SHARE,
    "reg:logistic": _SHARE,
    "reg:squaredlogerror": (-1.0, _GREATEST, "greater than -1"),
    "reg:gamma": _POSITIVE,
    "reg:tweedie": _POSITIVE,
    "count:poisson": _POSITIVE,
    "survival:aft": _POSITIVE,
    "survival:cox": _POSITIVE,
}
"""What a prediction to start from lies between; XGBoost refuses some others, and learns NaN, or nothing, from most."""


def conflicts(settings: Parameters, objective: str | None, outputs: int | None = None) -> Iterator[str]:
    """One sentence for each; ``objective`` and ``outputs``, of a row, are None while the data is not known."""
    if objective is not None:
        yield from _with_objective(settings, objective, outputs)
    if settings.booster != "gblinear":  # which takes no notice of how trees are grown
        yield from _in_trees(settings)
    if settings.process_type == "update":
        yield "'process_type': 'update' changes the trees of an earlier model, and a job only adds rounds; leave it out"
    yield from _in_updaters(settings)
    if settings.csv_weights and settings.weight_column is not None:
        yield "'csv_weights' and 'weight_column' both say where the weights are; give one of them"
    if (settings.lower_bound_column is None) != (settings.upper_bound_column is None):
        yield "'lower_bound_column' and 'upper_bound_column' belong together; give both"


def _with_objective(settings: Parameters, objective: str, outputs: int | None) -> Iterator[str]:
    if settings.num_class and not objective.startswith("multi:"):
        yield f"'num_class': only for multi:softmax and multi:softprob, the objective is {objective!r}; change either"
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
    least, greatest, words = _STARTS.get(objective, _ANY_START)
    for score in settings.base_score or ():
        if not least < score < greatest:
            yield f"'base_score': must be {words} for {objective}, got {score:g}"
    if outputs is None:  # and may stay so: as many as the data has classes
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


def idle(settings: Parameters) -> Iterator[str]:
    """What the job sets without effect, a line each, where XGBoost does not say so itself."""
    if settings.min_delta and not settings.early_stopping_rounds:
        yield "min_delta: without effect without early_stopping_rounds, ignored"
    if settings.num_cv_round > 1 and not settings.kfold:
        yield "_num_cv_round: without effect without _kfold, ignored"
    name, given, method = grown_by(settings)
    if method == "exact" and settings.booster != "gblinear":
        sets = {
            "max_leaves": settings.max_leaves,
            "grow_policy": settings.grow_policy == "lossguide",
            "max_bin": settings.max_bin,
        }
        if unused := ", ".join(of for of in sets if sets[of]):
            yield f"{unused}: without effect with {name} {given!r}, ignored"


def grown_by(settings: Parameters) -> tuple[str, str, str | None]:
    """Which parameter says how trees are grown, its value, and the ``tree_method`` that this is."""
    if settings.updater and settings.updater[0] in GROWERS:  # it goes before the tree_method
        return "updater", settings.updater[0], GROWERS[settings.updater[0]]
    return "tree_method", str(settings.tree_method), settings.tree_method


def _in_trees(settings: Parameters) -> Iterator[str]:
    name, given, method = grown_by(settings)
    if method == "exact":
        if settings.device.startswith("cuda"):
            yield f"{name!r}: {given!r} runs on the CPU only; use tree_method 'hist' with a GPU"
        if settings.max_depth == 0:
            yield f"'max_depth': must be at least 1 for {name} {given!r}, got '0'"
        if (settings.colsample_bynode or 1) < 1:
            yield f"'colsample_bynode': needs tree_method 'hist' or 'approx', got {name} {given!r}"
        if settings.sampling_method == "gradient_based":
            yield f"'sampling_method': 'gradient_based' needs tree_method 'hist' or 'approx', got {name} {given!r}"
    if settings.multi_strategy == "multi_output_tree":
        if method in ("exact", "approx"):
            yield f"'multi_strategy': 'multi_output_tree' needs tree_method 'hist', got {name} {given!r}"
        if settings.monotone_constraints is not None:
            yield "'multi_strategy': 'multi_output_tree' cannot be had with monotone_constraints"


def _in_updaters(settings: Parameters) -> Iterator[str]:
    updaters = settings.updater or ()
    given = ",".join(updaters)
    linear = [name for name in updaters if name in LINEAR_UPDATERS]
    if settings.booster == "gblinear":
        if updaters and not (linear and len(updaters) == 1):
            yield f"'updater': must be one of {', '.join(LINEAR_UPDATERS)} for booster 'gblinear', got {given!r}"
    elif linear:
        yield f"'updater': {linear[0]!r} needs booster 'gblinear'"
    elif updaters and updaters[0] not in GROWERS:
        yield (
            f"'updater': must begin with one that grows trees, such as grow_quantile_histmaker,{updaters[0]}, "
            f"got {given!r}; or leave it out"
        )
    if sum(name in GROWERS for name in updaters) > 1:
        yield f"'updater': must have at most one of {', '.join(GROWERS)}, got {given!r}"
    if "refresh" in updaters and settings.monotone_constraints is not None:
        yield "'updater': 'refresh' cannot be had with monotone_constraints"
    if settings.feature_selector in ("random", "greedy", "thrifty") and "coord_descent" not in updaters:
        yield f"'feature_selector': {settings.feature_selector!r} needs updater 'coord_descent'"
