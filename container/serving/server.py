"""gunicorn, run in this process: settings, its log lines among ours, and its own refusals as JSON."""

import gc
import logging
import tempfile
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

from container.contract.serving_env import ServingSettings
from container.serving.failures import error_body

log = logging.getLogger(__name__)

_STATUS: dict[type[Exception], HTTPStatus] = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
}


def options(settings: ServingSettings) -> dict[str, Any]:
    """gunicorn's settings; each says why where its default would not do."""
    return {
        "bind": f"0.0.0.0:{settings.port}",
        "workers": settings.workers,
        "worker_class": Worker,
        # So that one is free for /ping while large requests are worked on or wait for their turn.
        "threads": 32,
        "timeout": settings.timeout,
        # SageMaker kills 30 s after SIGTERM.
        "graceful_timeout": 20,
        # Longer than the platform's proxy keeps an idle connection, or it would send into a closed one.
        "keepalive": 75,
        "worker_tmp_dir": heartbeat_folder(),
        "control_socket_disable": True,
        "logger_class": ServerLog,
        "loglevel": "debug" if settings.log_level == "DEBUG" else "warning",
        "when_ready": _ready,
        "on_exit": _stopped,
    }


def heartbeat_folder(candidates: tuple[str, ...] = ("/dev/shm",)) -> str:
    """Where workers touch a file every second: in memory where there is such a place, for a disk may stall."""
    for folder in candidates:
        try:
            tempfile.TemporaryFile(dir=folder).close()
        except OSError:
            continue
        return folder
    return tempfile.gettempdir()


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn is not typed
    """gunicorn around an application that exists already, so that all workers share its model's memory."""

    def __init__(self, app: Flask, settings: Mapping[str, Any]) -> None:
        self._app, self._settings = app, settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app


class ServerLog(Logger):  # type: ignore[misc]  # gunicorn is not typed
    """gunicorn's lines go where all others go."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn is not typed
    """Answers what gunicorn cannot parse as JSON, like every other error."""

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        if not isinstance(exc, errors.ParseException) or isinstance(exc, errors.ConfigurationProblem):
            super().handle_error(req, client, addr, exc)
            return
        status = _STATUS.get(type(exc), HTTPStatus.BAD_REQUEST)
        body = error_body(f"this is not an HTTP request that can be read: {exc}")
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        log.warning("answered %d: %s", status, exc)
        try:
            write_nonblock(client, head.encode() + body)
        except OSError:
            log.debug("the connection was closed before the answer")


def _ready(arbiter: Any) -> None:
    # What is alive now stays: the collector in the workers must not touch it, or its pages are copied.
    gc.collect()
    gc.freeze()
    cfg = arbiter.cfg
    log.info("listening on port %s with %d workers of %d threads", cfg.address[0][1], cfg.workers, cfg.threads)


def _stopped(arbiter: Any) -> None:
    log.info("stopped")
