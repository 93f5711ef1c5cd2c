"""``train`` beside its floor and beside a plain script: ``make bench-train``, or python bench/training.py.

All learn 50 rounds of depth 6 from the same generated CSV file, in turn, round by round: what else the machine does
hits all of them. The floor reads the file with pyarrow and boosts on a matrix that is already there; only these two
are timed, not the imports and not the making of the matrix, which the second floor has too. Each line has the medians
of the rounds, and the median of the rounds' ratios: our figure over that one's. Below 1.3 ratios are noise on a machine
that others use.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from tests.contract.job import REPOSITORY, Job

COLUMNS, ROUNDS, DEPTH = 28, 50, 6
WITHOUT = REPOSITORY / "tests" / "support" / "without"
"""Hides scikit-learn, which the image does not have and XGBoost imports where it is."""
AMES = REPOSITORY / "tests" / "data" / "ames.csv"

FLOOR = """
import sys, time, pyarrow, xgboost
from pyarrow import csv
def made():
    table = csv.read_csv(sys.argv[1], csv.ReadOptions(autogenerate_column_names=True))
    return xgboost.QuantileDMatrix(table.drop_columns("f0"), label=table["f0"]) if {whole} or not times else matrix
times = []
matrix = None if {whole} else made()
times += [time.perf_counter(), time.process_time()]
matrix = made()
booster = xgboost.Booster({params}, [matrix])
for number in range({rounds}):
    booster.update(matrix, number)
    print(booster.eval_set([(matrix, "train")], number))
print("TIMED", time.perf_counter() - times[0], time.process_time() - times[1])
"""
PLAIN = """
import sys, pandas, xgboost
frame = pandas.read_csv(sys.argv[1], header=None)
matrix = xgboost.DMatrix(frame.drop(columns=0), label=frame[0])
booster = xgboost.train({params}, matrix, {rounds}, evals=[(matrix, "train")])
booster.save_model(sys.argv[1] + ".ubj")
"""
PARAMS = {"objective": "binary:logistic", "tree_method": "hist", "max_depth": DEPTH}
OURS = "train"
SCRIPTS = {
    "pyarrow's read, and the rounds": FLOOR.replace("{whole}", "False"),
    "pyarrow's read, QuantileDMatrix, and the rounds": FLOOR.replace("{whole}", "True"),
    "pandas.read_csv, DMatrix, xgboost.train": PLAIN,
}


@dataclass(frozen=True)
class Cost:
    """Seconds, seconds of CPU time, and the greatest resident set in MB."""

    wall: float
    cpu: float
    memory: float


def generate(path: Path, rows: int) -> None:
    """Rows of a label and 28 numbers of five decimals, without a header: about 237 bytes each."""
    import pyarrow as pa
    from pyarrow import csv

    random = np.random.default_rng(0)
    options = csv.WriteOptions(include_header=False)
    with path.open("wb") as file:
        for start in range(0, rows, 100_000):
            X = random.normal(size=(min(100_000, rows - start), COLUMNS)).round(5)
            y = (X[:, :5].sum(axis=1) + random.normal(size=len(X)) > 0).astype(int)
            csv.write_csv(pa.table([y, *X.T], [str(j) for j in range(COLUMNS + 1)]), file, options)


@contextmanager
def job(data: Path, **hyperparameters: object) -> Iterator[Job]:
    """A job under a fresh /opt/ml whose channel train has the file."""
    with tempfile.TemporaryDirectory() as root:
        made = Job(Path(root), hyperparameters)
        made.channel("train", {}, "text/csv")
        (made.root / "input/data/train" / data.name).hardlink_to(data)
        made.write_config()
        yield made


def measure(command: Sequence[str], environment: dict[str, str] | None = None) -> Cost:
    """Run a process to its end; what it says it timed itself counts instead of its whole time."""
    with tempfile.TemporaryFile("w+") as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, env=environment, cwd=REPOSITORY, stdout=output, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        wall, cpu = time.perf_counter() - start, used.ru_utime + used.ru_stime
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise SystemExit(f"{command[0]} failed:\n{text[-2000:]}")
    if timed := re.search(r"TIMED (\S+) (\S+)", text):
        wall, cpu = map(float, timed.groups())
    return Cost(wall, cpu, used.ru_maxrss / 1024)


def ours(data: Path) -> Cost:
    """The whole process of ``train``, its imports and the writing of the model included."""
    with job(data, num_round=ROUNDS, max_depth=DEPTH, objective="binary:logistic", tree_method="hist") as made:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # its first line names the Python there
        return measure([str(REPOSITORY / "train")], {**made.environment(), "PATH": path})


def script(text: str, data: Path) -> Cost:
    return measure(
        [sys.executable, "-c", text.replace("{params}", repr(PARAMS)).replace("{rounds}", str(ROUNDS)), data]
    )


def to_round_0(data: Path) -> float:
    """Seconds from the start of the process to the line of the first round."""
    with job(data, target="price") as made:
        start = time.perf_counter()
        with made.started() as process:
            for line in process.stdout:
                if line.startswith("[0]"):
                    return time.perf_counter() - start
    raise SystemExit("train ended before its first round")


def beside_others(data: Path, rounds: int) -> None:
    runs = {OURS: ours, **{name: partial(script, text) for name, text in SCRIPTS.items()}}
    costs: dict[str, list[Cost]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            costs[name].append(run(data))
    print(
        "\n| | wall, s | CPU, s | peak memory, MB | ours over it: wall | CPU | memory |\n|---|---|---|---|---|---|---|"
    )
    for name, found in costs.items():
        cells = [f"{median(getattr(cost, of) for cost in found):.{digits}f}" for of, digits in _FIGURES.items()]
        for of in _FIGURES:
            ratios = [getattr(a, of) / getattr(b, of) for a, b in zip(costs[OURS], found, strict=True)]
            cells.append(f"{median(ratios):.2f}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


_FIGURES = {"wall": 1, "cpu": 1, "memory": 0}


def by_rows(folder: Path, sizes: Sequence[int], rounds: int) -> None:
    print("\n| rows | wall, s | CPU, s | microseconds of CPU a row | peak memory, MB |\n|---|---|---|---|---|")
    for rows in sizes:
        data = folder / f"{rows}.csv"
        generate(data, rows)
        found = [ours(data) for _ in range(rounds)]
        data.unlink()
        wall, cpu, memory = (median(getattr(cost, of) for cost in found) for of in _FIGURES)
        print(f"| {rows:,} | {wall:.1f} | {cpu:.1f} | {cpu / rows * 1e6:.1f} | {memory:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--most-rows", type=int, default=10_000_000, help="of the table by rows; 0: without it")
    arguments = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # modules are compiled in the image, and shall be here
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, (WITHOUT, REPOSITORY)))
    print(f"{os.cpu_count()} CPUs; {COLUMNS} columns, {ROUNDS} rounds, depth {DEPTH}; {arguments.rounds} rounds.")
    with tempfile.TemporaryDirectory() as temporary:
        data = Path(temporary) / "data.csv"
        generate(data, arguments.rows)
        beside_others(data, arguments.rounds)
        data.unlink()
        seconds = median(to_round_0(AMES) for _ in range(arguments.rounds))
        print(f"\nFrom the start of the process to round 0 on the Ames house sales: {seconds:.2f} s", flush=True)
        by_rows(
            Path(temporary),
            [10**power for power in range(4, 8) if 10**power <= arguments.most_rows],
            max(1, arguments.rounds // 2),
        )


if __name__ == "__main__":
    main()
