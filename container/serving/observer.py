"""What there is to tell of each request: lines of the access log, and counts for /metrics."""

import logging
from collections.abc import Callable

from container.serving.metrics import Metrics
from container.serving.seen import Seen

log = logging.getLogger("access")


class Observer:
    """Tells of requests where it has been asked to."""

    def __init__(self, metrics: Metrics | None, access_log: bool) -> None:
        self.metrics, self._access_log = metrics, access_log

    def of_worker(self, slot: int) -> "Callable[[Seen], None] | None":
        """What a worker calls, always from the same thread, for each request; None where nobody wants to know."""
        count = None if self.metrics is None else self.metrics.of_worker(slot).count
        if count is None:
            return _write if self._access_log else None
        if not self._access_log:
            return count
        both = (count, _write)

        def observe(seen: Seen) -> None:
            for each in both:
                each(seen)

        return observe


def _write(seen: Seen) -> None:
    if seen.path == "/ping" and seen.status == 200:
        return
    milliseconds = round(seen.seconds * 1000, 1)
    log.info(
        "%s %s %d, %d rows, %d bytes, %.1f ms",
        seen.method,
        seen.path,
        seen.status,
        seen.rows,
        seen.sent,
        milliseconds,
        extra={
            "request_id": seen.request_id,
            "every": True,
            "fields": {
                "method": seen.method,
                "path": seen.path,
                "status": seen.status,
                "rows": seen.rows,
                "bytes": seen.sent,
                "milliseconds": milliseconds,
            },
        },
    )
