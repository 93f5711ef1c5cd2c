"""``kill -9`` at any moment loses at most one interval, and never the way to the same model."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from tests.unit.training.boosting.killed import INTERVAL


def test_killed_thirty_times_at_random_moments(tmp_path):
    script = Path(__file__).with_name("killed.py")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[4])}
    done = subprocess.run(
        [sys.executable, script, tmp_path, "30"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["killed"] == 30
    assert seen["equal"]
    assert len(seen["reached"]) > 10
    for (_, last), (first, _) in pairwise(seen["reached"]):
        # Rounds up to `last` were done; of those at most one interval, not checkpointed yet, is done again.
        assert last + 1 - INTERVAL <= first <= last + 1
