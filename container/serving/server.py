"""gunicorn, run in this process: its settings, and its log lines among ours."""

import gc
import logging
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from container import logs
from container.contract import allocator, port
from container.contract.serving_env import THREADS, ServingSettings
from container.serving.fast import Fast
from container.serving.metrics import Metrics
from container.serving.observer import Observer
from container.serving.worker.limits import Limits
from container.serving.worker.loop import FastWorker
from container.serving.worker.plain import STOPPING, Worker
from container.serving.worker.shares import Shares

log = logging.getLogger(__name__)

LEAST_TIMEOUT = 3
"""Seconds. A worker says that it lives each second, and where the CPUs are busy, later: with less it would be ended."""


def options(settings: ServingSettings) -> dict[str, Any]:
    """gunicorn's settings; each says why where its default would not do."""
    return {
        "bind": f"0.0.0.0:{settings.port}",
        "workers": settings.workers,
        "worker_class": FastWorker if settings.fast_worker else Worker,
        # So that one is free while others wait for something, as for another service.
        "threads": THREADS,
        "timeout": max(settings.timeout, LEAST_TIMEOUT),
        # SageMaker kills 30 s after SIGTERM.
        "graceful_timeout": 20,
        # Longer than the platform's proxy keeps an idle connection, or it would send into a closed one.
        "keepalive": 75,
        "worker_tmp_dir": heartbeat_folder(),
        "control_socket_disable": True,
        "logger_class": ServerLog,
        "loglevel": "debug" if settings.log_level == "DEBUG" else "warning",
        "pre_fork": _give_slot,
        "post_request": _answered,
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

    def __init__(
        self,
        app: Flask,
        settings: Mapping[str, Any],
        fast: Fast | None = None,
        limits: Limits | None = None,
        observer: Observer | None = None,
    ) -> None:
        """``fast`` answers what it can before the application is asked, where the worker class has it do so.

        ``limits`` and ``observer`` are for the workers.
        """
        self._app, self._settings, self.fast = app, settings, fast
        self.limits, self.observer = limits or Limits(), observer or Observer(None, access_log=False)
        self.shares = Shares(int(settings["workers"]))
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app

    def run(self) -> None:
        _Arbiter(self).run()


class _Arbiter(Arbiter):  # type: ignore[misc]  # gunicorn is not typed
    """Stops with workers that have only begun, too: gunicorn's own waits for them in vain, for its whole patience."""

    def spawn_worker(self) -> int:
        # Until a worker has its own handlers it has the arbiter's, which would take down a signal for nobody.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        try:
            return int(super().spawn_worker())
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run(
    app: Flask,
    settings: ServingSettings,
    fast: Fast,
    metrics: Metrics | None = None,
    more: Mapping[str, Any] | None = None,
    *,
    spared: str = "",
) -> None:
    """Serve until SIGTERM; ``more`` are settings of gunicorn's beside `options`.

    What is said again and again is printed once a second, of the loggers whose names begin with ``spared``.

    Raises:
        UserError: the port cannot be listened on.
    """
    port.check(settings.port)
    logs.configure(settings.log_level, as_json=settings.json_log, sparing=True, of=spared)
    observer = Observer(metrics, settings.access_log)
    server = Server(app, {**options(settings), **(more or {})}, fast, Limits.of(settings), observer)
    allocator.trim()
    server.run()


@contextmanager
def signs_of_life(worker: Any) -> Iterator[None]:
    """Keep a worker that begins from being replaced while what it serves is loaded, which may take minutes."""
    done = threading.Event()

    def notify() -> None:
        while not done.wait(1):
            worker.notify()

    thread = threading.Thread(target=notify, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class ServerLog(Logger):  # type: ignore[misc]  # gunicorn is not typed
    """gunicorn's lines go where all others go."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def _give_slot(arbiter: Any, worker: Any) -> None:
    """The lowest slot for counts that no living worker has; a worker that died leaves its own, with its counts."""
    taken = {other.slot for other in arbiter.WORKERS.values()}
    worker.slot = next(slot for slot in count() if slot not in taken)


def _answered(worker: Any, request: Any, environ: dict[str, Any], response: Any) -> None:
    worker.seen(request, environ, response)


def _ready(arbiter: Any) -> None:
    # What is alive now stays: the collector in the workers must not touch it, or its pages are copied.
    gc.collect()
    gc.freeze()
    cfg = arbiter.cfg
    log.info("listening on port %s with %d workers of %d threads", cfg.address[0][1], cfg.workers, cfg.threads)


def _stopped(arbiter: Any) -> None:
    log.info("stopped")
