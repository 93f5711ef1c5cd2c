"""Counts of all workers for GET /metrics, in Prometheus' text format.

They lie in memory that the workers share with the process that forks them: whichever worker is asked answers for
all, and what a worker counted before it died stays. Each has a slot of its own to write to.

Source of the format: Prometheus' documentation, "Exposition formats", version 0.0.4.
"""

import mmap
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import accumulate

from container.serving.seen import Seen

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ROUTES = (
    "/invocations",
    "/ping",
    "/execution-parameters",
    "/metrics",
    "/models",
    "/models/{name}",
    "/models/{name}/invoke",
    "other",
)
_STATUSES = ("200", "400", "404", "405", "406", "409", "413", "415", "500", "502", "503", "507", "other")
_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_BUCKETS = len(_BOUNDS) + 1

_ROUTE = {route: place for place, route in enumerate(_ROUTES)}
_STATUS = {int(status): place for place, status in enumerate(_STATUSES[:-1])}

# The cells of a slot, one after another: requests by route and status, latencies by route, and the rest.
_LATENCIES = len(_ROUTES) * len(_STATUSES)
_PER_ROUTE = _BUCKETS + 1  # and the sum of the seconds
_ROWS = _LATENCIES + len(_ROUTES) * _PER_ROUTE
_REFUSED, _IN_FLIGHT, _QUEUED, _CONNECTIONS, _CLIENT, _SERVER, _CELLS = range(_ROWS + 1, _ROWS + 8)
_GAUGES = {
    "in_flight_requests": (_IN_FLIGHT, "Requests that threads work on."),
    "queued_requests": (_QUEUED, "Requests that wait for a thread."),
    "connections": (_CONNECTIONS, "Connections that are open."),
}


def route_of(path: str) -> int:
    """The place of a path's route among those counted."""
    place = _ROUTE.get(path)
    if place is not None:
        return place
    if not path.startswith("/models/"):
        return _ROUTE["other"]
    return _ROUTE["/models/{name}/invoke" if path.endswith("/invoke") else "/models/{name}"]


class Slot:
    """What one worker counts; by one thread only."""

    def __init__(self, cells: "memoryview[float]") -> None:
        self._cells = cells

    def count(self, seen: Seen) -> None:
        cells, route = self._cells, route_of(seen.path)
        cells[route * len(_STATUSES) + _STATUS.get(seen.status, len(_STATUSES) - 1)] += 1
        latencies = _LATENCIES + route * _PER_ROUTE
        cells[latencies + bisect_left(_BOUNDS, seen.seconds)] += 1
        cells[latencies + _BUCKETS] += seen.seconds
        if seen.rows:
            cells[_ROWS] += seen.rows
        if seen.status >= 400:
            cells[_SERVER if seen.status >= 500 else _CLIENT] += 1
        if seen.refused:
            cells[_REFUSED] += 1

    def gauge(self, connections: int, in_flight: int, queued: int) -> None:
        """How things stand now."""
        self._cells[_CONNECTIONS], self._cells[_IN_FLIGHT], self._cells[_QUEUED] = connections, in_flight, queued


class Metrics:
    """The slots of all workers, and what is told of the model."""

    def __init__(self, slots: int, model: Mapping[str, str]) -> None:
        """Make it before the workers are forked. ``model`` are labels that say what is served."""
        self._model = model
        whole = memoryview(mmap.mmap(-1, slots * _CELLS * 8)).cast("d")
        self._slots = [Slot(whole[start : start + _CELLS]) for start in range(0, slots * _CELLS, _CELLS)]

    def of_worker(self, slot: int) -> Slot:
        return self._slots[slot % len(self._slots)]

    def text(self) -> str:
        """All there is to tell."""
        cells = [sum(values) for values in zip(*(slot._cells for slot in self._slots), strict=True)]
        return "".join(f"{line}\n" for line in self._lines(cells))

    def _lines(self, cells: list[float]) -> Iterator[str]:
        yield from _family("requests_total", "counter", "Requests answered.")
        for place, count in enumerate(cells[:_LATENCIES]):
            route, status = _ROUTES[place // len(_STATUSES)], _STATUSES[place % len(_STATUSES)]
            if count:
                yield f'sagemaker_xgboost_requests_total{{route="{route}",status="{status}"}} {count:.0f}'
        yield from _family("request_errors_total", "counter", "Requests answered with 4xx (client) or 5xx (server).")
        for side, cell in (("client", _CLIENT), ("server", _SERVER)):
            yield f'sagemaker_xgboost_request_errors_total{{side="{side}"}} {cells[cell]:.0f}'
        yield from _family("request_seconds", "histogram", "Seconds from a whole request to its answer.")
        for place, route in enumerate(_ROUTES):
            start = _LATENCIES + place * _PER_ROUTE
            counts = list(accumulate(cells[start : start + _BUCKETS]))
            if counts[-1]:
                yield from _histogram(route, counts, cells[start + _BUCKETS])
        yield from _family("rows_total", "counter", "Rows predicted.")
        yield f"sagemaker_xgboost_rows_total {cells[_ROWS]:.0f}"
        yield from _family("refused_requests_total", "counter", "Requests answered 503, as too many waited.")
        yield f"sagemaker_xgboost_refused_requests_total {cells[_REFUSED]:.0f}"
        for name, (place, meaning) in _GAUGES.items():
            yield from _family(name, "gauge", meaning)
            yield f"sagemaker_xgboost_{name} {cells[place]:.0f}"
        yield from _family("model_info", "gauge", "What is served.")
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in self._model.items())
        yield f"sagemaker_xgboost_model_info{{{labels}}} 1"


def _family(name: str, kind: str, meaning: str) -> tuple[str, str]:
    return f"# HELP sagemaker_xgboost_{name} {meaning}", f"# TYPE sagemaker_xgboost_{name} {kind}"


def _histogram(route: str, counts: list[float], seconds: float) -> Iterator[str]:
    name = "sagemaker_xgboost_request_seconds"
    for bound, count in zip((*map(str, _BOUNDS), "+Inf"), counts, strict=True):
        yield f'{name}_bucket{{route="{route}",le="{bound}"}} {count:.0f}'
    yield f'{name}_sum{{route="{route}"}} {seconds!r}'
    yield f'{name}_count{{route="{route}"}} {counts[-1]:.0f}'


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
