"""The names ``eval_metric`` accepts: XGBoost's own, the scikit-learn style ones computed here, and which fit what.

XGBoost's names and their ``@`` forms are those its 3.4 source registers (src/metric/*.cu, *.cc); which
objectives they run with was seen by running them.
"""

import difflib
import re

# Computed by XGBoost in every round.
XGBOOST_METRICS = (
    "rmse", "rmsle", "mae", "mape", "mphe", "logloss", "error", "merror", "mlogloss", "auc", "aucpr",
    "pre", "ndcg", "map", "ams", "poisson-nloglik", "gamma-nloglik", "gamma-deviance", "tweedie-nloglik",
    "quantile", "expectile", "aft-nloglik", "interval-regression-accuracy", "cox-nloglik",
)  # fmt: skip

# Computed here from the model's decision, as the built-in algorithm's users know them.
CLASS_METRICS = (
    "accuracy", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "precision", "precision_macro",
    "precision_micro", "recall", "recall_macro", "recall_micro",
)  # fmt: skip
VALUE_METRICS = ("mse", "r2")
OUR_METRICS = frozenset(CLASS_METRICS + VALUE_METRICS)

# name -> what must or may follow it, and how to write that
_NUMBER = r"\d+(\.\d*)?|\.\d+"
_FORMS = {
    "error": (rf"(@({_NUMBER}))?", "error@0.7"),
    "ams": (rf"@({_NUMBER})", "ams@0.15"),
    "tweedie-nloglik": (r"@1(\.\d*)?", "tweedie-nloglik@1.5"),
    "pre": (r"(@[1-9]\d*)?", "pre@5"),
    "ndcg": (r"(@[1-9]\d*)?-?", "ndcg@5 or ndcg@5-"),
    "map": (r"(@[1-9]\d*)?-?", "map@5 or map@5-"),
}

ELEMENTWISE = (
    "rmse", "rmsle", "mae", "mape", "mphe", "logloss", "error", "ams", "poisson-nloglik", "gamma-nloglik",
    "gamma-deviance", "tweedie-nloglik",
)  # fmt: skip
RANKING = ("pre", "ndcg", "map")
_ONLY_FOR = {
    "merror": "multi:",
    "mlogloss": "multi:",
    "quantile": "reg:quantileerror",
    "expectile": "reg:expectileerror",
    "aft-nloglik": "survival:aft",
    "interval-regression-accuracy": "survival:aft",
    "cox-nloglik": "survival:cox",
}


def base_name(metric: str) -> str:
    """``ndcg@5-`` -> ``ndcg``."""
    return re.sub(r"(@.*|-)$", "", metric)


def as_reported(metric: str) -> str:
    """The metric as XGBoost's own log lines call it: ``error@0.70`` -> ``error@0.7``, ``error@0.5`` -> ``error``."""
    name, at, number = metric.partition("@")
    if name not in ("error", "ams", "tweedie-nloglik") or not at:
        return metric
    return name if name == "error" and float(number) == 0.5 else f"{name}@{float(number):g}"


def check_metric(metric: str) -> str:
    """The metric as it is; ValueError with the right spelling where it is none."""
    if metric in OUR_METRICS:
        return metric
    name = base_name(metric)
    if name not in XGBOOST_METRICS:
        near = difflib.get_close_matches(name.lower(), [*XGBOOST_METRICS, *sorted(OUR_METRICS)], 1)
        hint = f"did you mean {near[0]!r}?" if near else "docs/hyperparameters.md lists those there are"
        raise ValueError(f"{metric[:40]!r} is not a metric; {hint}")
    pattern, example = _FORMS.get(name, ("", name))
    if not re.fullmatch(pattern, metric.removeprefix(name)):
        raise ValueError(f"{metric[:40]!r} must be written like {example}")
    return metric


def misfits(objective: str, metrics: tuple[str, ...]) -> list[str]:
    """What is wrong with computing these metrics for this objective: one sentence each, none if all fit."""
    found = []
    for metric in metrics:
        name = base_name(metric)
        if not objective.startswith(_ONLY_FOR.get(name, "")):
            owner = _ONLY_FOR[name]
            owner = "multi:softmax and multi:softprob" if owner == "multi:" else owner
            found.append(f"{metric!r} is for {owner}, the objective is {objective!r}")
        elif objective.startswith("multi:") and name in (*ELEMENTWISE, *VALUE_METRICS, *RANKING):
            found.append(f"{metric!r} cannot be computed for {objective!r}; use 'merror' or 'mlogloss'")
        elif name == "f1_binary" and objective.startswith("multi:"):
            found.append(f"'f1_binary' is for two classes, the objective is {objective!r}; use 'f1_macro'")
        elif name in CLASS_METRICS and not objective.startswith(("binary:", "multi:", "reg:logistic")):
            found.append(f"{metric!r} is for classification, the objective is {objective!r}")
    return found
