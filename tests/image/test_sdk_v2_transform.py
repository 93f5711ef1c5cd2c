"""A real client: a batch transform by the SageMaker SDK v2 in local mode."""

import json
from pathlib import Path

from tests.image import ames
from tests.support.processes import free_port
from tests.support.sdk import run

PROGRAM = Path(__file__).with_name("sdk_v2_transform.py")


def test_every_row_has_its_line(sdk_folder: Path) -> None:
    training, held_out, prices = ames.split()
    rows = held_out.splitlines(keepends=True)[1:]  # lines are split, so a header would be a row
    rows[5:5] = [b"a row of one cell\n"]
    for name in ("train", "batch"):
        (sdk_folder / name).mkdir()
    (sdk_folder / "train/ames.csv").write_bytes(training)
    (sdk_folder / "batch/rows.csv").write_bytes(b"".join(rows))

    output = run("v2", PROGRAM, sdk_folder, str(free_port()))
    assert "1 of 587 rows cannot be read, and have no prediction" in output
    # Local mode ends each reply with a line feed of its own, after the one of the reply.
    csv = (sdk_folder / "csv/rows.csv.out").read_text().removesuffix("\n").splitlines()
    objects = (sdk_folder / "jsonlines/rows.csv.out").read_text().removesuffix("\n").splitlines()
    assert len(csv) == len(objects) == len(rows)
    assert (csv.pop(5), objects.pop(5)) == ("", "{}")
    assert ames.rmse([float(line) for line in csv], prices) < 30_000
    assert [float(line) for line in csv] == [json.loads(line)["score"] for line in objects]
