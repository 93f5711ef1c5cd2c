"""XGBoost's own errors, which come with source lines and a C++ stack, as messages to a user."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import xgboost

from container.errors import ContainerError

log = logging.getLogger(__name__)


class XGBoostRefusalError(ContainerError):
    """XGBoost refused to do something; the message has its own words."""


_REMEDIES = {
    "Invalid output score, might be caused by invalid query group weight": (
        "ndcg counts a query that has no relevant row as 1, whatever its weight; multiply all weights by the same "
        "number, so that none is less than 1"
    )
}
"""What to do where XGBoost 3.4's own sentence leaves that open (src/metric/rank_metric.cc)."""


@contextmanager
def explained(action: str) -> Iterator[None]:
    """Turn an XGBoost error into ``XGBoost cannot <action>: <its sentence>``; all but its C++ stack goes to the log.

    Raises:
        XGBoostRefusalError: in place of the XGBoostError.
    """
    try:
        yield
    except xgboost.core.XGBoostError as error:
        log.error("%s", _without_stack(str(error)))
        said = reason(str(error))
        remedy = "".join(f" ({more})" for part, more in _REMEDIES.items() if part in said)
        raise XGBoostRefusalError(f"XGBoost cannot {action}: {said}{remedy}") from None


def reason(text: str) -> str:
    """The sentence in an XGBoost error, without time, source line and stack; without one, the check that failed."""
    text = re.sub(r"^\[[\d:]+\] \S+:\d+: ", "", _without_stack(text))
    check = re.match(r"Check failed: (.*?)(?:: |:$|$)", text)
    if check:
        text = text[check.end() :].strip() or f"its check {check[1].strip()!r} failed"
    return " ".join(text.split())


def _without_stack(text: str) -> str:
    return text.partition("\nStack trace")[0].strip()
