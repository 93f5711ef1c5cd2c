"""Several hosts on one machine: each a process with folders and a loopback address of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

WITHOUT = Path(__file__).parents[1] / "support" / "without"
TRAIN = "import sys; from container.training.main import main; sys.exit(main())"
SETTINGS = {"target": "price", "ignore_columns": "Order,PID", "num_round": "8", "nthread": "1", "max_depth": "4"}


class Hosts:
    """The hosts of one job, and what each was given."""

    def __init__(self, folder: Path, count: int, settings: dict[str, str], sharded: bool, program: str = TRAIN) -> None:
        self.program = program
        # Sorted by name, the first host is the one that leads: let that not be the first in the list.
        self.names = [f"127.0.0.{number + 2}" for number in reversed(range(count))]
        self.roots = {name: folder / name for name in self.names}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.distribution = "ShardedByS3Key" if sharded else "FullyReplicated"
        for name, root in self.roots.items():
            config = root / "input" / "config"
            config.mkdir(parents=True)
            (config / "hyperparameters.json").write_text(
                json.dumps({k: v for k, v in {**SETTINGS, **settings}.items() if v})
            )
            (config / "resourceconfig.json").write_text(json.dumps({"current_host": name, "hosts": self.names}))
        self.add("train")

    def add(self, *channels: str) -> None:
        """Give the job these channels, on all hosts, empty as yet."""
        about = {"TrainingInputMode": "File", "S3DistributionType": self.distribution, "ContentType": "text/csv"}
        for root in self.roots.values():
            config = root / "input" / "config" / "inputdataconfig.json"
            there = json.loads(config.read_text()) if config.exists() else {}
            config.write_text(json.dumps(there | dict.fromkeys(channels, about)))
            for channel in channels:
                (root / "input" / "data" / channel).mkdir(parents=True)

    @property
    def leader(self) -> str:
        return min(self.names)

    def give(self, name: str, lines: list[str], channel: str = "train") -> None:
        (self.roots[name] / "input" / "data" / channel / f"{name}.csv").write_text("\n".join(lines) + "\n")

    def go_on_from(self, model: bytes) -> None:
        """Give all the channel ``model``."""
        for root in self.roots.values():
            path = root / "input" / "config" / "inputdataconfig.json"
            path.write_text(json.dumps({**json.loads(path.read_text()), "model": {"TrainingInputMode": "File"}}))
            folder = root / "input" / "data" / "model"
            folder.mkdir(exist_ok=True)
            (folder / "xgboost-model").write_bytes(model)

    def start(self, programs: Mapping[str, str] = {}) -> None:
        """Start all, with another program where one is named."""
        for name, root in self.roots.items():
            # Without scikit-learn, as in the image, a host starts in a third of the time.
            path = os.pathsep.join([str(WITHOUT), str(WITHOUT.parents[2])])
            own = {"SAGEMAKER_BASE_DIR": str(root), "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
            environment = {**os.environ, **own}
            with (root / "log").open("wb") as log:
                self.processes[name] = subprocess.Popen(
                    [sys.executable, "-c", programs.get(name, self.program)],
                    env=environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )

    def finish(self, seconds: float = 200) -> dict[str, int]:
        end = time.monotonic() + seconds
        return {name: p.wait(max(0.1, end - time.monotonic())) for name, p in self.processes.items()}

    def log(self, name: str) -> str:
        return (self.roots[name] / "log").read_text()

    def failure(self, name: str) -> str:
        return (self.roots[name] / "output" / "failure").read_text()

    def wait_for(self, name: str, text: str, seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while text not in self.log(name):
            assert time.monotonic() < end, self.log(name)
            time.sleep(0.05)

    def kill(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()


def rmse(text: str) -> float:
    return float(text.rpartition("train-rmse:")[2].split()[0])
