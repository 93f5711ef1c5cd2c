"""A training program that keeps the contract, but for the faults that $FAULTS names: the model is the target's mean."""

import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from statistics import mean
from typing import Any

FAULTS = set(os.environ.get("FAULTS", "").split(","))
ML = Path("/opt/ml")
KNOWN = {"hyperparameters.json", "inputdataconfig.json", "resourceconfig.json"}


def config(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((ML / f"input/config/{name}.json").read_text())
    return content


def check_surroundings() -> None:
    """Everything here is a fault: a program that relies on what the platform does not promise."""
    if "knows-all-files" in FAULTS and (unknown := {path.name for path in (ML / "input/config").iterdir()} - KNOWN):
        raise ValueError(f"unknown files {sorted(unknown)}")
    if "needs-content-type" in FAULTS:
        print("the data is", config("inputdataconfig")["train"]["ContentType"])
    if "fixed-host" in FAULTS and config("resourceconfig")["current_host"] != "algo-1":
        raise ValueError("not on algo-1")
    if "writes-input" in FAULTS:
        (ML / "input/data/train/cache").write_text("")
    if "needs-network" in FAULTS and not Path("/sys/class/net/eth0").exists():
        raise OSError("the network is unreachable")


def number_of_rounds() -> int:
    value = config("hyperparameters")["num_round"]
    return int(value if "plain-hyperparameters" in FAULTS else str(json.loads(value)))


def targets() -> list[float]:
    lines = [line for path in (ML / "input/data/train").glob("*.csv") for line in path.read_text().split()]
    return [float(line.partition(",")[0]) for line in lines]


def main() -> None:
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
    check_surroundings()
    values = targets()
    for i in range(number_of_rounds()):
        print(f"round {i} is done" if "no-metrics" in FAULTS else f"[{i}]\ttrain-rmse:{1 / (i + 1):.5f}")
        time.sleep(0.1)
        if stopped:
            break
    if "no-model" not in FAULTS:
        (ML / "model/model.json").write_text(json.dumps({"mean": mean(values)}))


try:
    main()
except Exception as error:  # noqa: BLE001
    traceback.print_exc()
    cause = traceback.format_exc() if "traceback-first" in FAULTS else f"cannot train: {error}"
    if "no-failure-file" not in FAULTS:
        (ML / "output/failure").write_text(cause)
    sys.exit(0 if "exit-0" in FAULTS else 1)
