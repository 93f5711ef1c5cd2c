"""The floor: our worker with nothing behind it: python constant.py PORT WORKERS inline|thread.

``inline`` answers on the event loop, where our small requests are answered; ``thread`` is a WSGI callable that
gunicorn's threads call, as they call Flask.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from container.contract.serving_env import ServingSettings
from container.serving.fast import Handler, Reply
from container.serving.server import Server, options

SCORE = b"0.5"


class Constant:
    """In the place of `FastPath`."""

    def handler(self, method: str, target: str, headers: Sequence[tuple[str, str]]) -> Handler | None:
        return lambda body: Reply("text/csv", SCORE)


def app(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/csv"), ("Content-Length", str(len(SCORE)))])
    return [SCORE]


if __name__ == "__main__":
    settings = ServingSettings(port=int(sys.argv[1]), workers=int(sys.argv[2]))
    Server(app, options(settings), Constant() if sys.argv[3] == "inline" else None).run()  # type: ignore[arg-type]
