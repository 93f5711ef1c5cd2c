"""What servers are asked, in the form that each reads, and how wrk asks it."""

import json
import math
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.peers import Peer


@dataclass(frozen=True)
class Load:
    """How wrk asks: a body, over some connections; ``beside``: while two more connections send this body."""

    name: str
    body: str
    connections: int
    beside: str | None = None


LOADS = (
    Load("1 row, 1 connection", "1", 1),
    Load("1 row, 32 connections", "1", 32),
    Load("100 rows, 16 connections", "100", 16),
    Load("5 MB, 1 connection", "5mb", 1),
    Load("1 row beside 5 MB requests", "1", 1, "5mb"),
)


def _v2(lines: list[str]) -> str:
    shape = [len(lines), lines[0].count(",") + 1]
    head = json.dumps({"name": "rows", "shape": shape, "datatype": "FP32"})
    return f'{{"inputs":[{head[:-1]}, "data":[{",".join(lines)}]}}]}}'


def _with_header(lines: list[str]) -> str:
    return "\n".join([",".join(f"f{column}" for column in range(lines[0].count(",") + 1)), *lines])


def _lists(name: str) -> Callable[[list[str]], str]:
    return lambda lines: f'{{"{name}":[' + ",".join(f"[{line}]" for line in lines) + "]}"


FORMS: dict[str, tuple[str, Callable[[list[str]], str]]] = {
    "csv": ("text/csv", "\n".join),
    "csv with header": ("text/csv", _with_header),
    "instances": ("application/json", _lists("instances")),
    "rows": ("application/json", _lists("rows")),
    "v2": ("application/json", _v2),
}
"""Content type and body, from lines of numbers with commas between, by name."""

_SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "%s"
wrk.body = io.open("%s", "rb"):read("*a")
done = function(summary, latency, requests)
  local e = summary.errors
  print(string.format('RESULT {"requests": %%d, "rate": %%f, "p50": %%f, "p99": %%f, "errors": %%d}',
    summary.requests, summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True)
class Bodies:
    """Rows in every form, as files and as wrk's scripts."""

    folder: Path
    rows: NDArray[np.float32]  # what the body "100" holds

    @classmethod
    def write(cls, folder: Path, features: int) -> "Bodies":
        """One row, 100 rows and 5 MB of CSV, and the same rows in the other forms."""
        X = np.random.default_rng(1).normal(size=(60_000, features))
        lines = [",".join(f"{value:.6g}" for value in row) for row in X.tolist()]
        rows_of_5mb = int(5e6 / (len("\n".join(lines)) / len(lines)))
        for form, (media_type, text) in FORMS.items():
            for name, rows in (("1", 1), ("100", 100), ("5mb", rows_of_5mb)):
                body = folder / f"{name}.{form}"
                body.write_text(text(lines[:rows]))
                (folder / f"{name}.{form}.lua").write_text(_SCRIPT % (media_type, body))
        return cls(folder, np.array([line.split(",") for line in lines[:100]], np.float32))

    def script(self, name: str, form: str) -> Path:
        return self.folder / f"{name}.{form}.lua"

    def body(self, name: str, form: str) -> bytes:
        return (self.folder / f"{name}.{form}").read_bytes()

    def scores(self, port: int, peer: Peer) -> list[float]:
        """What the server answers for the 100 rows."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}{peer.path}",
            self.body("100", peer.body),
            {"Content-Type": FORMS[peer.body][0]},
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            text = reply.read().decode()
            return list(_numbers(json.loads(text) if "json" in reply.headers["Content-Type"] else text.split()))


def _numbers(found: Any) -> Iterator[float]:
    """The numbers of a reply: a list, or what a key of the usual names holds."""
    if isinstance(found, dict):
        found = next(found[key] for key in ("predictions", "outputs", "data") if key in found)
    if isinstance(found, list):
        for one in found:
            yield from _numbers(one)
    else:
        yield float(found)


def wrong(scores: list[float], wanted: NDArray[np.float32]) -> str | None:
    """In what the scores are not those of the model; None where they are."""
    if len(scores) != len(wanted):
        return f"{len(scores)} scores for {len(wanted)} rows"
    differ = [n for n, (a, b) in enumerate(zip(scores, wanted, strict=True)) if not math.isclose(a, b, rel_tol=1e-4)]
    return f"{scores[differ[0]]} for row {differ[0]}, which has {wanted[differ[0]]}" if differ else None


def ask(url: str, script: Path, connections: int, seconds: int) -> "subprocess.Popen[str]":
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(script), url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def measure(port: int, peer: Peer, load: Load, bodies: Bodies, seconds: int) -> Mapping[str, float]:
    """Requests a second, milliseconds at the median and at 99 %, and how many errors."""
    url = f"http://127.0.0.1:{port}{peer.path}"
    beside = ask(url, bodies.script(load.beside, peer.body), 2, seconds + 1) if load.beside else None
    if beside:
        time.sleep(0.5)
    output, _ = ask(url, bodies.script(load.body, peer.body), load.connections, seconds).communicate()
    if beside:
        beside.communicate()
    (line,) = [line for line in output.splitlines() if line.startswith("RESULT ")]
    found: dict[str, float] = json.loads(line.removeprefix("RESULT "))
    return found
