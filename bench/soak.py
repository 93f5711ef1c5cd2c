"""Whether memory stays flat: ``make soak``, or python bench/soak.py [--requests 200000] [--every 20000].

Sends a server of two workers a mix of requests on a few connections that are kept: single rows of CSV, JSON, rows
that cannot be read, 100 rows, and now and then a body of 1 MB. Prints the proportional set size of all its processes
after every so many, and exits 1 where the second half of them shows it growing by more than 5 %.
"""

import argparse
import http.client
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.support.serving import Served, serving

_ROW = b"100.5,3"
_MIX = (
    (_ROW, "text/csv", 200),
    (b"[[100.5,3]]", "application/json", 200),
    (b"many,3", "text/csv", 400),
    (b"\n".join([_ROW] * 100), "text/csv", 200),
    (b'{"instances":[{"area":100.5,"rooms":3}]}', "application/json", 200),
    (b"1,2,3", "text/csv", 400),
)
_LARGE = (b"\n".join([_ROW] * 130_000), "text/csv", 200)
_EVERY_LARGE = 500
_GIVEN_BACK = 2.5
"""Seconds after the last request in which a worker gives back what requests have freed: it looks once a second."""


def memory(served: Served) -> int:
    """Bytes of the proportional set size of the server's processes."""
    total = 0
    for process in (served.process.pid, *served.workers()):
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
    return total


def send(served: Served, requests: int, connections: int = 8) -> None:
    """Send so many requests, and hold each reply to its status."""
    numbers = count()
    faults: list[str] = []

    def caller() -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)) as connection:
            while (number := next(numbers)) < requests and not faults:
                body, content_type, expected = _LARGE if number % _EVERY_LARGE == 0 else _MIX[number % len(_MIX)]
                connection.request("POST", "/invocations", body, {"Content-Type": content_type})
                reply = connection.getresponse()
                text = reply.read()
                if reply.status != expected:
                    faults.append(f"{reply.status} {text[:200]!r}")

    threads = [threading.Thread(target=caller) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise RuntimeError(faults[0])


def soak(served: Served, requests: int, every: int) -> Iterator[int]:
    """The memory after every so many requests, once what they have freed is given back."""
    for _ in range(requests // every):
        send(served, every)
        time.sleep(_GIVEN_BACK)
        yield memory(served)


def growth(sizes: list[int]) -> float:
    """How much more the last has than the one in the middle, as a part of that."""
    middle = sizes[len(sizes) // 2]
    return (sizes[-1] - middle) / middle


def main() -> int:
    parser = argparse.ArgumentParser(description="Sends requests for long, and shows the server's memory.")
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--every", type=int, default=20_000)
    arguments = parser.parse_args()
    sizes: list[int] = []
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "ml", "approval") as served:
        print(f"{'requests':>10} {'memory, MB':>12}")
        for size in soak(served, arguments.requests, arguments.every):
            sizes.append(size)
            print(f"{arguments.every * len(sizes):>10,} {size / 1e6:>12.1f}", flush=True)
    print(f"growth over the second half: {growth(sizes):.1%}")
    return int(growth(sizes) > 0.05)


if __name__ == "__main__":
    sys.exit(main())
