"""What one cell of text means. Every format and both directions, training and serving, ask here.

A cell is missing, a number, a truth value, an ISO date, or text; surrounding blanks never matter.
"""

import itertools
import re
from datetime import UTC, datetime

_MISSING_WORDS = ("na", "n/a", "nan", "-nan", "null", "<na>", "#n/a")
# Possessive throughout: a cell of a million digits and a letter must not be tried in a million ways.
_NUMBER = re.compile(
    r"[+-]?(?:(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?+)"
)
_DATE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400.0


def is_missing(text: str) -> bool:
    """Whether the cell holds no value: empty, or NA, N/A, NaN, NULL in any case."""
    return not text or (len(text) <= 4 and text.casefold() in _MISSING_WORDS)


def missing_spellings() -> list[str]:
    """Every spelling `is_missing` accepts, for parsers that want them listed."""
    cased = (itertools.product(*({c.lower(), c.upper()} for c in word)) for word in _MISSING_WORDS)
    return ["", *sorted("".join(letters) for word in cased for letters in word)]


def number(text: str) -> float | None:
    """The cell as a float64 (possibly infinite), or None where it is no number in ASCII decimal notation."""
    return float(text) if _NUMBER.fullmatch(text) else None


def boolean(text: str) -> float | None:
    """1.0 for true, 0.0 for false, in any case; None for anything else."""
    return {"true": 1.0, "false": 0.0}.get(text.casefold())


def days(text: str) -> float | None:
    """Days since 1970-01-01 UTC of an ISO 8601 date or timestamp, or None. No time zone means UTC."""
    if not _DATE.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH).total_seconds() / _DAY


def number_text(value: float) -> str:
    """The one spelling of a number that names a category: 20, 20.0 and 2e1 are all ``"20"``.

    Whole numbers below 1e21 are written out, as in JavaScript; identifiers have up to 19 digits.
    """
    return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
