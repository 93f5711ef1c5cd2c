"""Our server beside others, under wrk: ``make bench-serve``, or python bench/serving.py [--seconds 4] [--rounds 5].

All servers are up at once, with as many workers, and are loaded in turn, round by round: what else the machine does
hits all of them. Before that each must answer 100 rows with the model's scores. A server that cannot be installed or
does not start is left out, with a line that says so. Each line has, for each load, our rate over the server's (the
median of the rounds' ratios), then the server's requests a second and its latencies at the median and at 99 %, in
milliseconds. The last line is no server: the 5 MB read and predicted by one process on all CPUs, without a reply. Trust
ratios above 2; below 1.3 they are noise.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import xgboost

from bench.forest import MODELS, train
from bench.loads import LOADS, Bodies, measure, wrong
from bench.peers import OURS, PEERS, Peer, python_of
from container.contract.resources import usable_cpus
from container.data.fast_csv import FastCsv
from container.data.formats import ContentType
from container.data.schema import Schema
from container.model.forest import Forest
from tests.support.processes import free_port

WORKERS = 2
ALONE = "reading and predicting alone, in process on all CPUs"


class NotServingError(Exception):
    """A server that does not come up, or answers something else than the model."""


@dataclass(frozen=True)
class Running:
    """A server that answers, and how long it took to."""

    process: "subprocess.Popen[bytes]"
    port: int
    seconds: float

    def _processes(self) -> Iterator[Path]:
        waiting = [self.process.pid]
        while waiting:
            process = Path(f"/proc/{waiting.pop()}")
            for task in (process / "task").iterdir():
                with suppress(FileNotFoundError):  # a thread may end meanwhile
                    waiting += map(int, (task / "children").read_text().split())
            yield process

    def megabytes(self) -> float:
        """The proportional set size of the process and all it has started."""
        lines = (line for process in self._processes() for line in (process / "smaps_rollup").read_text().splitlines())
        return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024

    def cpu_seconds(self) -> float:
        """The time on a CPU they have had so far, the kernel's for them included."""
        stats = ((process / "stat").read_text().rpartition(")")[2].split() for process in self._processes())
        return sum(int(ticks) for stat in stats for ticks in stat[11:15]) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(name: str, peer: Peer, python: str, model: Path, log: Path) -> Iterator[Running]:
    """The peer, from its first 200 for its health until the block ends."""
    port = free_port()
    command = [python, *(part.format(port=port, workers=WORKERS) for part in peer.command)]
    settings = {
        "MODEL": str(model),
        "SAGEMAKER_BASE_DIR": str(model.parent.parent),
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "SAGEMAKER_MODEL_SERVER_WORKERS": str(WORKERS),
        "PYTHONWARNINGS": "ignore",
        "PATH": f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}",  # some start programs of their own
        **dict(peer.settings),
    }
    start = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **settings}, stdout=output, stderr=output, start_new_session=True
        )
    try:
        while not _answers(f"http://127.0.0.1:{port}{peer.health}"):
            if process.poll() is not None or time.monotonic() - start > 120:
                raise NotServingError(f"it does not answer\n{log.read_text()[-2000:]}")
            time.sleep(0.02)
        yield Running(process, port, time.monotonic() - start)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        with suppress(ProcessLookupError):  # what it started and left
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


Results = Mapping[tuple[str, str], Sequence[Mapping[str, float]]]


def cell(ours: Sequence[Mapping[str, float]], theirs: Sequence[Mapping[str, float]] | None) -> str:
    if theirs is None:
        return ""
    ratio = median(a["rate"] / b["rate"] if b["rate"] else float("inf") for a, b in zip(ours, theirs, strict=True))
    rate, p50, p99 = (median(result[key] for result in theirs) for key in ("rate", "p50", "p99"))
    errors = sum(result["errors"] for result in theirs)
    return f"{ratio:.1f} ({rate:,.4g} / {p50:.2f} / {p99:.2f}{f', {errors:.0f} errors' if errors else ''})"


def bench(model_name: str, names: Sequence[str], seconds: int, rounds: int) -> None:
    trees, depth, features = MODELS[model_name]
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        model = folder / "ml" / "model" / "model.ubj"
        model.parent.mkdir(parents=True)
        booster = train(trees, depth, features)
        booster.save_model(model)
        bodies = Bodies.write(folder, features)
        wanted = booster.inplace_predict(bodies.rows)
        servers: dict[str, Running] = {}
        for name in names:
            peer = PEERS[name]
            if python := python_of(name, peer):
                try:
                    log = folder / f"{len(servers)}.log"
                    server = stack.enter_context(running(name, peer, python, model, log))
                    if not peer.constant and (fault := wrong(bodies.scores(server.port, peer), wanted)):
                        raise NotServingError(f"it answers {fault}")
                except (NotServingError, OSError) as error:
                    if name == OURS:
                        raise
                    print(f"{name} is left out: {error}")
                    continue
                servers[name] = server
        results: dict[tuple[str, str], list[Mapping[str, float]]] = {}
        alone = partial(in_process, booster, bodies.body("5mb", "csv"))
        for number in range(rounds + 1):  # the first warms up
            for load in LOADS:
                for name, server in servers.items():
                    before = server.cpu_seconds()
                    result = dict(measure(server.port, PEERS[name], load, bodies, seconds if number else 1))
                    result["cpu"] = (server.cpu_seconds() - before) / max(1.0, result["requests"]) * 1000
                    if number:
                        results.setdefault((name, load.name), []).append(result)
                if number and load.body == "5mb":
                    results.setdefault((ALONE, load.name), []).append(alone(seconds))
        print(f"\n### The {model_name} model: {trees} trees, depth {depth}, {features} features\n")
        table(results, servers)


def in_process(booster: xgboost.Booster, body: bytes, seconds: int) -> Mapping[str, float]:
    """The same figures where no server is between and nothing is written: the best there can be with this core."""
    forest, fast = Forest.build(booster), FastCsv(Schema.from_names(booster.num_features()), usable_cpus())
    assert forest is not None
    times = []
    start, cpu = time.perf_counter(), time.process_time()
    while sum(times) < seconds:
        began = time.perf_counter()
        rows = fast.matrix(body, ContentType.parse("text/csv"))
        assert rows is not None
        with ThreadPoolExecutor(usable_cpus()) as pool:
            list(pool.map(forest.predict, np.array_split(rows, usable_cpus())))
        times.append(time.perf_counter() - began)
    rate, cpu = len(times) / (time.perf_counter() - start), (time.process_time() - cpu) / len(times)
    p50, p99 = np.percentile(times, (50, 99)) * 1e3
    return {"rate": rate, "p50": p50, "p99": p99, "errors": 0, "cpu": cpu * 1e3}


def table(results: Results, servers: Mapping[str, Running]) -> None:
    print("| | " + " | ".join(load.name for load in LOADS) + " | memory, MB | start, s |")
    print("|---" * (len(LOADS) + 3) + "|")
    for name in (*servers, ALONE):
        cells = [cell(results[OURS, load.name], results.get((name, load.name))) for load in LOADS]
        of = f"{servers[name].megabytes():.0f} | {servers[name].seconds:.1f}" if name in servers else " | "
        print(f"| {name} | {' | '.join(cells)} | {of} |", flush=True)
    print("\nTime on a CPU for a request: theirs over ours (milliseconds); other work changes it little.\n")
    alone = [load for load in LOADS if load.beside is None]
    print("| | " + " | ".join(load.name for load in alone) + " |\n" + "|---" * (len(alone) + 1) + "|")
    for name in (*servers, ALONE):
        cells = [cpu_cell(results[OURS, load.name], results.get((name, load.name))) for load in alone]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def cpu_cell(ours: Sequence[Mapping[str, float]], theirs: Sequence[Mapping[str, float]] | None) -> str:
    if theirs is None:
        return ""
    their, our = (median(result["cpu"] for result in results) for results in (theirs, ours))
    return f"{their / our:.1f} ({their:.3g})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", choices=MODELS, action="append", help="both without it")
    parser.add_argument("--only", action="append", default=[], help="a peer whose name begins so; all without it")
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("the load comes from wrk, and there is none: apt-get install wrk")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # modules are compiled in the image, and shall be here
    names = [name for name in PEERS if not arguments.only or name == OURS or name.startswith(tuple(arguments.only))]
    print(f"{os.cpu_count()} CPUs, shared with wrk; {WORKERS} workers a server; {arguments.rounds} rounds.")
    print("Our rate over the server's (its requests a second / p50 ms / p99 ms).", flush=True)
    for model in arguments.model or MODELS:
        bench(model, names, arguments.seconds, arguments.rounds)


if __name__ == "__main__":
    main()
