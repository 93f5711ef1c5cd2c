"""Our server beside others, under wrk: ``make bench-serve``, or python bench/serving.py [--seconds 4] [--rounds 5].

All servers are up at once, with as many workers, and are loaded in turn, round by round: what else the machine does
hits all of them. A server that cannot be installed is left out, with a line that says so. Each line has, for each
load, our rate over the server's (the median of the rounds' ratios), then the server's requests a second and its
latencies at the median and at 99 %, in milliseconds. Trust ratios above 2; below 1.3 they are noise.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from bench.forest import MODELS, train
from tests.support.processes import free_port

HERE = Path(__file__).resolve().parent
WORKERS = 2
OURS = "this container"


@dataclass(frozen=True)
class Peer:
    """A server to compare with: what it needs, and how it is started by its environment's Python."""

    requirements: tuple[str, ...]
    command: tuple[str, ...]  # after "python"; {port}, {workers}
    settings: tuple[tuple[str, str], ...] = ()
    json: bool = False  # {"instances": [[…], …]} instead of CSV, where that is what the server reads


_GUNICORN = ("-m", "gunicorn", "-w", "{workers}", "-b", "127.0.0.1:{port}", "--log-level", "warning")
_COMMON = ("xgboost-cpu==3.4.1", "pandas")
_CONSTANT = (str(HERE / "servers/constant.py"), "{port}", "{workers}")
PEERS = {
    OURS: Peer((), (str(HERE.parent / "serve"),)),
    "its worker alone, a constant on the event loop": Peer((), (*_CONSTANT, "inline")),
    "its worker alone, a WSGI constant in a thread": Peer((), (*_CONSTANT, "thread")),
    "it without its worker": Peer((), (str(HERE.parent / "serve"),), (("SAGEMAKER_XGBOOST_FAST_WORKER", "false"),)),
    "Flask, pandas, DMatrix, gunicorn sync": Peer(
        (*_COMMON, "flask", "gunicorn"), (*_GUNICORN, "--chdir", str(HERE / "servers"), "flask_sample:app")
    ),
    "LitServe": Peer(
        (*_COMMON, "litserve"), (str(HERE / "servers/litserve_sample.py"), "{port}", "{workers}"), json=True
    ),
}


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

_SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "%s"
wrk.body = io.open("%s", "rb"):read("*a")
done = function(summary, latency, requests)
  local e = summary.errors
  print(string.format('RESULT {"rate": %%f, "p50": %%f, "p99": %%f, "errors": %%d}',
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True)
class Running:
    """A server that answers, and how long it took to."""

    process: "subprocess.Popen[bytes]"
    port: int
    seconds: float

    def megabytes(self) -> float:
        """The proportional set size of the process and all it has started."""
        total, waiting = 0, [self.process.pid]
        while waiting:
            process = Path(f"/proc/{waiting.pop()}")
            for line in (process / "smaps_rollup").read_text().splitlines():
                total += int(line.split()[1]) if line.startswith("Pss:") else 0
            for task in (process / "task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        return total / 1024


def python_of(name: str, peer: Peer) -> str | None:
    """The Python that has what the peer needs, installed where it is missing; None where that fails."""
    if not peer.requirements:
        return sys.executable
    folder = HERE / ".venvs" / name.split(",")[0].lower()
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.requirements]
        if subprocess.run(pip).returncode:
            print(f"{name} is left out: it could not be installed")
            return None
        (folder / "ready").touch()
    return str(python)


@contextmanager
def running(name: str, peer: Peer, python: str, model: Path, log: Path) -> Iterator[Running]:
    """The peer, from its first answer to /ping until the block ends."""
    port = free_port()
    command = [python, *(part.format(port=port, workers=WORKERS) for part in peer.command)]
    settings = {
        "MODEL": str(model),
        "SAGEMAKER_BASE_DIR": str(model.parent.parent),
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "SAGEMAKER_MODEL_SERVER_WORKERS": str(WORKERS),
        **dict(peer.settings),
    }
    start = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **settings}, stdout=output, stderr=output, start_new_session=True
        )
    try:
        while not _answers(f"http://127.0.0.1:{port}/ping"):
            if process.poll() is not None or time.monotonic() - start > 120:
                raise SystemExit(f"{name} does not answer:\n{log.read_text()[-2000:]}")
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


def ask(port: int, script: Path, connections: int, seconds: int) -> "subprocess.Popen[str]":
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(script)]
    return subprocess.Popen([*command, f"http://127.0.0.1:{port}/invocations"], stdout=subprocess.PIPE, text=True)


def measure(server: Running, load: Load, kind: str, scripts: Mapping[str, Path], seconds: int) -> dict[str, float]:
    beside = ask(server.port, scripts[f"{load.beside}.{kind}"], 2, seconds + 1) if load.beside else None
    if beside:
        time.sleep(0.5)
    output, _ = ask(server.port, scripts[f"{load.body}.{kind}"], load.connections, seconds).communicate()
    if beside:
        beside.communicate()
    (line,) = [line for line in output.splitlines() if line.startswith("RESULT ")]
    found: dict[str, float] = json.loads(line.removeprefix("RESULT "))
    return found


def bodies(folder: Path, features: int) -> dict[str, Path]:
    """wrk scripts that send one row, 100 rows and 5 MB, as CSV and as JSON."""
    X = np.random.default_rng(1).normal(size=(60_000, features))
    lines = [",".join(f"{value:.6g}" for value in row) for row in X.tolist()]
    rows_of_5mb = int(5e6 / (len("\n".join(lines)) / len(lines)))
    scripts = {}
    for name, rows in (("1", 1), ("100", 100), ("5mb", rows_of_5mb)):
        instances = '{"instances":[' + ",".join(f"[{line}]" for line in lines[:rows]) + "]}"
        for kind, media_type, text in (
            ("csv", "text/csv", "\n".join(lines[:rows])),
            ("json", "application/json", instances),
        ):
            body = folder / f"{name}.{kind}"
            body.write_text(text)
            scripts[f"{name}.{kind}"] = folder / f"{name}.{kind}.lua"
            scripts[f"{name}.{kind}"].write_text(_SCRIPT % (media_type, body))
    return scripts


def cell(ours: Sequence[dict[str, float]], theirs: Sequence[dict[str, float]]) -> str:
    ratio = median(a["rate"] / b["rate"] if b["rate"] else float("inf") for a, b in zip(ours, theirs, strict=True))
    rate, p50, p99 = (median(result[key] for result in theirs) for key in ("rate", "p50", "p99"))
    errors = sum(result["errors"] for result in theirs)
    return f"{ratio:.1f} ({rate:,.0f} / {p50:.2f} / {p99:.2f}{f', {errors:.0f} errors' if errors else ''})"


def bench(model_name: str, names: Sequence[str], seconds: int, rounds: int) -> None:
    trees, depth, features = MODELS[model_name]
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        model = folder / "ml" / "model" / "model.ubj"
        model.parent.mkdir(parents=True)
        train(trees, depth, features).save_model(model)
        scripts = bodies(folder, features)
        servers = {}
        for name in names:
            if python := python_of(name, PEERS[name]):
                log = folder / f"{len(servers)}.log"
                servers[name] = stack.enter_context(running(name, PEERS[name], python, model, log))
        results: dict[tuple[str, str], list[dict[str, float]]] = {}
        for number in range(rounds + 1):  # the first warms up
            for load in LOADS:
                for name, server in servers.items():
                    kind = "json" if PEERS[name].json else "csv"
                    result = measure(server, load, kind, scripts, seconds if number else 1)
                    if result["errors"] >= result["rate"] * seconds / 2:
                        raise SystemExit(f"{name} answers {load.name} with errors")
                    if number:
                        results.setdefault((name, load.name), []).append(result)
        print(f"\n### The {model_name} model: {trees} trees, depth {depth}, {features} features\n")
        print("| | " + " | ".join(load.name for load in LOADS) + " | memory, MB | start, s |")
        print("|---" * (len(LOADS) + 3) + "|")
        for name, server in servers.items():
            cells = [cell(results[OURS, load.name], results[name, load.name]) for load in LOADS]
            print(f"| {name} | {' | '.join(cells)} | {server.megabytes():.0f} | {server.seconds:.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", choices=MODELS, action="append", help="both without it")
    parser.add_argument("--only", action="append", default=[], help="a peer whose name begins so; all without it")
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("the load comes from wrk, and there is none: apt-get install wrk")
    names = [name for name in PEERS if not arguments.only or name == OURS or name.startswith(tuple(arguments.only))]
    print(f"{os.cpu_count()} CPUs, shared with wrk; {WORKERS} workers a server; {arguments.rounds} rounds.")
    print("Our rate over the server's (its requests a second / p50 ms / p99 ms).", flush=True)
    for model in arguments.model or MODELS:
        bench(model, names, arguments.seconds, arguments.rounds)


if __name__ == "__main__":
    main()
