"""The only logging set-up: lines on stdout, where SageMaker's log agent and its metric regexes read."""

import logging
import sys


def configure(level: str = "INFO") -> None:
    """Send every log record to stdout as a bare message, warnings and errors with their level in front.

    Training's metric lines must start at the line's beginning, as the built-in algorithm's do, so the
    format adds nothing to them.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_LevelPrefix())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)


class _LevelPrefix(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if record.levelno <= logging.INFO else f"{record.levelname}: {text}"
