"""The only logging set-up: lines on stdout, where SageMaker's log agent and its metric regexes read."""

import json
import logging
import re
import sys
import time
from datetime import UTC, datetime
from typing import TextIO

_DIFFERENT = 10
"""Different lines a second from one place of the code; one that is healthy gets one."""


_PLACE = r"\[[\d:]+\] WARNING: \S+:\d+: "
"""What XGBoost begins a warning with: the time, and where in its source it is from."""
_OF_XGBOOST = re.compile(rf".*?:\d+: UserWarning: ({_PLACE}.*?)(?:\n  [^\n]*)?\n*", re.DOTALL)
"""A warning of XGBoost's as the module warnings writes it: our place, what XGBoost says, and our line."""
_said: set[str] = set()
"""Warnings of XGBoost's that are not said again; no more of them than this:"""
_REMEMBERED = 1000


def configure(level: str = "INFO", *, as_json: bool = False, sparing: bool = False, of: str = "") -> None:
    """Send every log record to stdout as a bare message, warnings and errors with their level in front.

    Training's metric lines must start at the line's beginning, as the built-in algorithm's do, so the
    format adds nothing to them. ``sparing`` prints what is said again and again once a second, with a count,
    where someone calls `say_repeats`; of the loggers whose names begin with ``of``.
    """
    handler = _Sparing(sys.stdout, of) if sparing else logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Json() if as_json else _LevelPrefix())
    handler.addFilter(_xgboost_in_words)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)


def say_repeats(*, at_once: bool = False) -> None:
    """Print what lines were left out since; to be called about once a second, and ``at_once`` at the end."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _Sparing):
            handler.say_repeats(at_once)


def words_of_xgboost(warning: str) -> str:
    """What a warning of XGBoost's says, on one line, without the time and the place in its source."""
    return " ".join(re.sub(_PLACE, "", warning, count=1).split())


def _xgboost_in_words(record: logging.LogRecord) -> bool:
    """Leave a warning of XGBoost's its words, and not the places in code that it came through; each passes once.

    The module warnings takes each for another, as the time is in its text.
    """
    if record.name != "py.warnings" or not (match := _OF_XGBOOST.fullmatch(record.getMessage())):
        return True
    record.msg, record.args = f"XGBoost: {words_of_xgboost(match[1])}", ()
    if record.msg in _said:
        return False
    if len(_said) < _REMEMBERED:
        _said.add(record.msg)
    return True


class _LevelPrefix(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        if request := getattr(record, "request_id", ""):
            first, line_end, rest = text.partition("\n")
            text = f"{first} (request {request}){line_end}{rest}"
        return text if record.levelno <= logging.INFO else f"{record.levelname}: {text}"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request := getattr(record, "request_id", ""):
            line["request_id"] = request
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class _Place:
    """What was said at one place of the code within a second."""

    def __init__(self, now: float) -> None:
        self.since, self.said, self.more = now, set[str](), 0
        self.last: logging.LogRecord | None = None


class _Sparing(logging.StreamHandler[TextIO]):
    """Errors are always printed; of the rest, what is said again within a second is only counted."""

    def __init__(self, stream: TextIO, of: str) -> None:
        super().__init__(stream)
        self._of = of
        self._places: dict[tuple[str, int], _Place] = {}

    def emit(self, record: logging.LogRecord) -> None:
        every = (
            record.levelno >= logging.ERROR or getattr(record, "every", False) or not record.name.startswith(self._of)
        )
        if every or self._has_not_been_said(record):
            super().emit(record)

    def _has_not_been_said(self, record: logging.LogRecord) -> bool:
        where = record.pathname, record.lineno
        place = self._places.get(where)
        now = time.monotonic()
        if place is not None and now - place.since >= 1:
            self._say(place)
            place = None
        if place is None:
            place = self._places[where] = _Place(now)
        message = record.getMessage()
        if message in place.said or len(place.said) >= (_DIFFERENT if record.levelno > logging.INFO else 1):
            place.more += 1
            place.last = record
            return False
        place.said.add(message)
        return True

    def say_repeats(self, at_once: bool) -> None:
        now = time.monotonic()
        # A copy, made at once: other threads write lines meanwhile.
        if not any(at_once or now - place.since >= 1 for place in list(self._places.values())):
            return
        with self.lock:  # type: ignore[union-attr]  # every handler has one
            for where, place in list(self._places.items()):
                if at_once or now - place.since >= 1:
                    del self._places[where]
                    self._say(place)

    def _say(self, place: _Place) -> None:
        if place.last is None:
            return
        record = logging.makeLogRecord(place.last.__dict__)
        record.msg = f"{place.last.getMessage()} … and {place.more - 1} more in the last second"
        if place.more == 1:
            record.msg = place.last.getMessage()
        record.args = ()
        super().emit(record)
