"""Training on more data than memory, in a container that may use no more: python bench/out_of_core.py.

Generates a CSV file of ``--megabytes``, trains on it in a container limited to ``--memory`` (without swap), then in one
without a limit, and compares the two models byte by byte. Needs Docker and the built image.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.training import DEPTH, generate

BYTES_A_ROW = 237


def train(image: str, root: Path, memory: str | None, cpus: str | None) -> tuple[float, bytes]:
    """Run the job at ``root`` to its end; the seconds it took and its model, the log's lines on memory printed."""
    limits = ["--memory", memory, "--memory-swap", memory] if memory else []
    limits += ["--cpus", cpus] if cpus else []
    start = time.perf_counter()
    run = ["docker", "run", "--detach", "--volume", f"{root}:/opt/ml", *limits, image, "train"]
    name = subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()
    try:
        code = int(subprocess.run(["docker", "wait", name], check=True, capture_output=True, text=True).stdout)
        seconds = time.perf_counter() - start
        logs = subprocess.run(["docker", "logs", name], capture_output=True, text=True)
    finally:
        subprocess.run(["docker", "rm", "--force", name], check=True, capture_output=True)
    lines = (logs.stdout + logs.stderr).splitlines()
    print(*(f"    {line}" for line in lines if line.startswith(("Memory", "Read", "Done"))), sep="\n", flush=True)
    if code:
        raise SystemExit("\n".join([f"train ended with {code}", *lines[-5:]]))
    return seconds, (root / "model" / "xgboost-model").read_bytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=4000)
    parser.add_argument("--memory", default="1500m", help="as docker run takes it")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--cpus", help="as docker run takes it")
    parser.add_argument("--image", default=os.environ.get("IMAGE", "sagemaker-xgboost"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for folder in ("input/config", "input/data/train", "model", "output/data"):
            (root / folder).mkdir(parents=True)
        data = root / "input/data/train/data.csv"
        generate(data, arguments.megabytes * 1_000_000 // BYTES_A_ROW)
        settings = {"num_round": arguments.rounds, "max_depth": DEPTH, "objective": "binary:logistic"}
        for name, content in (
            ("hyperparameters", {name: str(value) for name, value in settings.items()}),
            ("inputdataconfig", {"train": {"TrainingInputMode": "File", "ContentType": "text/csv"}}),
        ):
            (root / f"input/config/{name}.json").write_text(json.dumps(content))
        print(f"{data.stat().st_size / 1e6:,.0f} MB of CSV, {arguments.rounds} rounds of depth {DEPTH}")
        models = []
        for memory in (arguments.memory, None):
            print(f"  {memory or 'without a limit'}", flush=True)
            seconds, model = train(arguments.image, root, memory, arguments.cpus)
            print(f"    {seconds:.0f} s from docker run to the model", flush=True)
            models.append(model)
        print("  the two models are", "equal" if models[0] == models[1] else "NOT equal")
        if models[0] != models[1]:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
