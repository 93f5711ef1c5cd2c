"""local_test/demo.sh without Docker: from end to end, interrupted, and its parts."""

import math
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCAL_TEST = ROOT / "local_test"


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """This Python, under a name that notes its process ids in the file beside it."""
    wrapper = tmp_path / "python"
    wrapper.write_text(f'#!/bin/sh\necho $$ >>"{tmp_path}/pids"\nexec "{sys.executable}" "$@"\n')
    wrapper.chmod(0o755)
    return wrapper


@pytest.fixture
def demo(tmp_path: Path, python: Path) -> subprocess.Popen[str]:
    """The demo, started from a folder of its own, in a session of its own, with its temporary files in ``tmp``."""
    (tmp_path / "tmp").mkdir()
    return subprocess.Popen(
        [LOCAL_TEST / "demo.sh", "--python", python],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # Where pytest runs in the background it has SIGINT ignored, and so would the demo.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def assert_nothing_is_left(tmp_path: Path, output: str) -> None:
    assert list((tmp_path / "tmp").iterdir()) == []
    for pid in (tmp_path / "pids").read_text().split():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)
    for port in re.findall(r"Serving on port (\d+)", output):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", int(port))) != 0


def number(text: str) -> float:
    return float(text.replace(",", ""))


def test_the_demo_compares_predictions_with_prices(demo: subprocess.Popen[str], tmp_path: Path) -> None:
    output, _ = demo.communicate(timeout=300)
    assert demo.returncode == 0, output

    rows = re.findall(r"^  (\w+) +(\d+) +(\d{4}) +([\d,]+) +([\d,]+) +([+-][\d.]+) %$", output, re.MULTILINE)
    assert len(rows) == 10
    for _, _, _, predicted, actual, error in rows:
        assert float(error) == pytest.approx(100 * (number(predicted) / number(actual) - 1), abs=0.06)
    found = re.search(r"all (\d+) houses: RMSE ([\d,]+) dollars; half of the predictions are within ([\d,]+) ", output)
    assert found, output
    assert 500 < int(found[1]) < 700
    assert number(found[3]) < number(found[2]) < 27_000
    for script in re.findall(r"local_test/\w+\.sh", output):
        assert os.access(ROOT / script, os.X_OK)
    assert_nothing_is_left(tmp_path, output)


@pytest.mark.parametrize(
    ("moment", "programs", "sent"),
    [("Training on", 1, signal.SIGINT), ("Serving on", 2, signal.SIGINT), ("Serving on", 2, signal.SIGTERM)],
)
def test_an_interrupted_demo_leaves_nothing(
    demo: subprocess.Popen[str], tmp_path: Path, moment: str, programs: int, sent: signal.Signals
) -> None:
    assert demo.stdout is not None
    output = ""
    while moment not in output:
        line = demo.stdout.readline()
        assert line, output
        output += line
    (tmp_path / "pids").touch()
    while len((tmp_path / "pids").read_text().split()) < programs:
        time.sleep(0.05)
    os.killpg(demo.pid, sent)  # as a terminal does
    output += demo.communicate(timeout=60)[0]
    assert demo.returncode == 128 + sent, output
    assert "all " not in output
    assert_nothing_is_left(tmp_path, output)


def test_a_failed_training_is_shown(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'No module named xgboost'\nexit 3\n")
    broken.chmod(0o755)
    done = subprocess.run(
        [LOCAL_TEST / "demo.sh", "--python", broken],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        text=True,
        capture_output=True,
    )
    assert done.returncode == 1
    assert done.stderr == "\ntrain failed; its log ends:\nNo module named xgboost\n"
    assert list(tmp_path.iterdir()) == [broken]


def test_seed_holds_out_a_fifth_and_not_its_prices(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        subprocess.run([LOCAL_TEST / "seed.sh", folder], cwd=tmp_path, check=True)
    one, two = (
        {p.relative_to(d): p.read_bytes() for p in d.rglob("*") if p.is_file()}
        for d in (tmp_path / "one", tmp_path / "two")
    )
    assert one == two

    whole = (ROOT / "tests/data/ames.csv").read_text().splitlines()
    train = (tmp_path / "one/input/data/train/ames.csv").read_text().splitlines()
    rows = (tmp_path / "one/held_out/rows.csv").read_text().splitlines()
    prices = (tmp_path / "one/held_out/prices.csv").read_text().splitlines()
    place = whole[0].split(",").index("price")
    restored = [
        ",".join([*row.split(",")[:place], price, *row.split(",")[place:]])
        for row, price in zip(rows, prices, strict=True)
    ]
    assert restored[0] == train[0] == whole[0]
    assert sorted(restored[1:] + train[1:]) == sorted(whole[1:])
    assert 0.18 < len(rows) / len(whole) < 0.22


def test_compare_computes_the_errors(tmp_path: Path) -> None:
    prices, predictions = [100_000, 1_234_567, 200_000, 50_000], [110_000, 1_234_567, 170_000, 50_040]
    (tmp_path / "rows").write_text("area,Neighborhood,Year.Built\n" + "900,OldTown,1901\n" * 4)
    (tmp_path / "prices").write_text("price\n" + "".join(f"{price}\n" for price in prices))
    (tmp_path / "predictions").write_text("".join(f"{value}\n" for value in predictions))
    command = ["awk", "-f", LOCAL_TEST / "compare.awk", "rows", "prices", "predictions"]
    done = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, check=True)
    rmse = math.sqrt((10_000**2 + 30_000**2 + 40**2) / 4)
    assert f"all 4 houses: RMSE {rmse:,.0f} dollars; half of the predictions are within 5,020 " in done.stdout
    assert "1,234,567    1,234,567     +0.0 %" in done.stdout
    assert "170,000      200,000    -15.0 %" in done.stdout

    (tmp_path / "predictions").write_text("1\n")
    done = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True)
    assert done.returncode == 1
    assert "4 houses, 4 prices, 1 predictions: they must be as many" in done.stderr
