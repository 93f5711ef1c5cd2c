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


_OF_XGBOOST = re.compile(r".*?:\d+: UserWarning: \[[\d:]+\] WARNING: \S+:\d+: (.*?)\n  [^\n]*\n*", re.DOTALL)
"""A warning of XGBoost's as the module warnings writes it: our place, the time, theirs, the text, and our line."""


def configure(level: str = "INFO", *, as_json: bool = False, sparing: bool = False, of: str = "") -> None:
    """Send every log record to stdout as a bare message, warnings and errors with their level in front.

    Training's metric lines must start at the line's beginning, as the built-in algorithm's do, so the
    format adds nothing to them. ``sparing`` prints what is said again and again once a second, with a count,
    where someone calls `say_repeats`; of the loggers whose names begin with ``of``.
    """
    handler = _Sparing(sys.stdout, of) if sparing else logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Json() if as_json else _LevelPrefix())
    handler.addFilter(_XGBoostInWords())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)


def say_repeats(*, at_once: bool = False) -> None:
    """Print what lines were left out since; to be called about once a second, and ``at_once`` at the end."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _Sparing):
            handler.say_repeats(at_once)


class _XGBoostInWords(logging.Filter):
    """Leaves a warning of XGBoost's its words, and not the places in code that it came through; each is said once."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "py.warnings" and (match := _OF_XGBOOST.fullmatch(record.getMessage())):
            record.msg, record.args = f"XGBoost: {' '.join(match[1].split())}", ()
            if record.msg in self._said:
                return False
            self._said.add(record.msg)
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
