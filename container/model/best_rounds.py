"""Early stopping elsewhere: XGBoost stores every round, and the best one's number in the attribute best_iteration.

XGBoost's scikit-learn estimators predict with the rounds up to that one (``_get_iteration_range`` in its sklearn.py),
as does AWS's image (``best_ntree_limit`` in its serve_utils.py).
"""

import json
import logging

import xgboost

log = logging.getLogger(__name__)

_BEST, _SCORE = "best_iteration", "best_score"
_OF_EARLY_STOPPING = (_BEST, _SCORE, "best_ntree_limit")
"""The last is of XGBoost before 2.0."""


def cut(booster: xgboost.Booster, name: str) -> xgboost.Booster:
    """The rounds up to the best, with a line in the log; the booster itself where there is nothing to cut.

    An attribute that names no round is passed over. ``name`` is for the log.
    """
    best = _number(_attribute(booster, _BEST))
    # Coefficients hold every round at once; XGBoost's estimators predict with all of them too.
    if best is None or not 0 <= best < (rounds := booster.num_boosted_rounds()) - 1 or _is_linear(booster):
        return booster
    used = f"its best {best + 1} of {rounds} rounds are used (attribute {_BEST})"
    log.info("%s: trained with early stopping; %s", name, used)
    found = booster[: best + 1]
    # A slice has lost them; a script that is given the booster may ask for them.
    found.set_attr(**{name: _attribute(booster, name) for name in (_BEST, _SCORE)})
    return found


def forget(booster: xgboost.Booster) -> None:
    """Take the attributes away before more rounds are added: they would say too few of all."""
    booster.set_attr(**dict.fromkeys(_OF_EARLY_STOPPING))


def _attribute(booster: xgboost.Booster, name: str) -> str | None:
    try:
        return booster.attr(name)
    except AssertionError:  # of XGBoost, where it is empty
        return None


def _number(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def _is_linear(booster: xgboost.Booster) -> bool:
    return bool(json.loads(booster.save_config())["learner"]["gradient_booster"]["name"] == "gblinear")
