"""gunicorn's own threads, with errors like all others, and a look at what each request came to."""

import logging
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from math import inf
from typing import Any

from gunicorn.http import errors
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

from container import logs
from container.contract import allocator
from container.model import native_log
from container.serving.failures import error_body
from container.serving.seen import ROWS, Seen, request_id

log = logging.getLogger(__name__)

_REUSED = 1.0
"""Seconds for which the memory that a request has freed is left to the next ones."""

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
"""What the arbiter tells a worker to stop with. They are kept from a process that has been forked until it listens."""

_STATUS: dict[type[Exception], HTTPStatus] = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
}


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn is not typed
    """Answers what gunicorn cannot parse as JSON, like every other error."""

    slot = 0
    """Which of the places for counts it has; no other worker that lives has the same."""
    observe: Callable[[Seen], None] | None = None
    _next_sign = 0.0
    _worked = -inf
    _trimmed = 0.0
    """When a thread last finished a request, and when what they had freed was last given back; of time.monotonic()."""

    def init_process(self) -> None:
        self.observe = self.app.observer.of_worker(self.slot)
        super().init_process()

    def get_thread_pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.cfg.threads, initializer=native_log.attach)

    def init_signals(self) -> None:
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)

    def notify(self) -> None:
        """The loop's sign of life. It comes round more often than anyone looks at it."""
        now = time.monotonic()
        if now >= self._next_sign:
            self._next_sign = now + 0.25
            super().notify()
            logs.say_repeats()
            if (metrics := self.app.observer.metrics) is not None:
                metrics.of_worker(self.slot).gauge(self.nr_conns, *self.load())
            # Once a second while there is work, and once more when there has been none for as long.
            if now >= self._trimmed + _REUSED and self._trimmed < self._worked + _REUSED:
                self._trimmed = now
                allocator.trim()

    def run(self) -> None:
        try:
            super().run()
        finally:
            logs.say_repeats(at_once=True)

    def load(self) -> tuple[int, int]:
        """How many requests are worked on, and how many wait for a thread; here gunicorn does not count them."""
        return 0, 0

    def handle_request(self, req: Any, conn: Any) -> Any:
        req.began = getattr(conn, "since", 0.0) or time.monotonic()
        try:
            return super().handle_request(req, conn)
        finally:
            self._worked = time.monotonic()

    def seen(self, req: Any, environ: dict[str, Any], resp: Any) -> None:
        """gunicorn's hook after a request, in the thread that answered it."""
        if self.observe is None or resp is None or resp.status is None:
            return
        seen = Seen(
            req.method,
            req.path,
            int(resp.status.split()[0]),
            time.monotonic() - req.began,
            resp.sent,
            environ.get(ROWS, 0),
            request_id(dict(req.headers)),
        )
        # The loop's thread alone counts, so that no count is lost between two threads.
        self.method_queue.defer(partial(self.observe, seen))

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
        if self.observe is not None:
            self.method_queue.defer(partial(self.observe, Seen("-", "-", status.value, 0.0, len(body))))
        try:
            write_nonblock(client, head.encode() + body)
        except OSError:
            log.debug("the connection was closed before the answer")
