"""``train`` against a temporary /opt/ml: what comes out of data as users have it."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xgboost
from numpy.typing import NDArray

from container.data.formats import ContentType, read_request
from container.model import artifact
from container.model.predictor import Prediction, Predictor
from tests.contract.hosts import WITHOUT
from tests.contract.job import REPOSITORY, Job, stop_after

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path / "ml", {"num_round": 10})


def predict(job: Job, body: str, content_type: str = "text/csv") -> Prediction:
    """What the job's model says of a request."""
    predictor = Predictor(artifact.load(job.model / "xgboost-model"))
    return predictor.predict(read_request(body.encode(), ContentType.parse(content_type), predictor.schema))


def rows(first: int, count: int) -> str:
    """Rows of a target that is twice the second column, and a third that does not matter."""
    return "".join(f"{2 * i},{i},{i % 3}\n" for i in range(first, first + count))


def test_csv_without_a_header_as_the_built_in_algorithm_takes_it(job, train):
    assert train(job.channel("train", {"a.csv": rows(0, 50), "b.csv": rows(50, 50)}, "text/csv")) == 0
    assert job.models == ["xgboost-model"]
    assert job.failure is None
    assert predict(job, "30,0\n70,1\n").scores == pytest.approx([60, 140], abs=6)


def test_text_and_ignored_columns_without_a_header(job, train):
    job.hyperparameters |= {"target": "-1", "ignore_columns": "0", "objective": "reg:squarederror"}
    lines = "".join(f"id{i},{'red' if i % 2 else 'blue'},{i % 5},{100 * (i % 2)}\n" for i in range(60))
    assert train(job.channel("train", {"a": lines})) == 0
    expected = pytest.approx([100, 0], abs=5)
    assert predict(job, "red,1\nblue,1\n").scores == expected
    assert predict(job, "x,red,1\ny,blue,1\n").scores == expected  # the ignored column may be there


@pytest.mark.parametrize("content_type", [None, "text/libsvm"])
def test_libsvm(job, train, content_type):
    text = "".join(f"{i % 5} 0:{i % 5} 3:{i}\n" for i in range(100))
    assert train(job.channel("train", {"a": text}, content_type)) == 0
    assert predict(job, "0:4 3:50\n0:1\n", "text/libsvm").scores == pytest.approx([4, 1], abs=0.3)


def test_text_classes_are_named_in_predictions(job, train):
    text = "size,kind\n" + "".join(f"{i % 9},{('small', 'medium', 'large')[i % 9 // 3]}\n" for i in range(90))
    job.hyperparameters["target"] = "kind"
    assert train(job.channel("train", {"a.csv": text})) == 0
    prediction = predict(job, "1\n4\n8\n")
    assert prediction.labels == ["small", "medium", "large"]
    assert prediction.scores.shape == (3, 3)


def test_out_of_fold_predictions_have_the_classes_by_their_names(job, train):
    job.hyperparameters |= {"_kfold": 2}
    lines = "".join(f"{'yes' if i % 3 else 'no'},{i % 3}\n" for i in range(60))
    assert train(job.channel("train", {"a.csv": "y,x\n" + lines})) == 0
    header, *cells = (job.output / "data" / "predictions.csv").read_text().splitlines()
    assert header == "label,predicted_label,probability"
    assert {tuple(line.split(",")[:2]) for line in cells} == {("yes", "yes"), ("no", "no")}


def test_the_log_says_what_was_read_and_each_round(job, train, capsys):
    job.hyperparameters |= {"target": "price", "num_round": 3, "ignore_columns": "note"}
    header = "id,color,price,note,day,sold\n"
    lines = [
        f"h{i},{('red', 'blue')[i % 2]},{i},x,2024-01-{i % 28 + 1:02},{str(i % 3 > 0).lower()}\n" for i in range(40)
    ]
    lines[3] = "h3,,3,x,,\n"
    job.channel("train", {"a.csv": header + "".join(lines), "b.csv": header + "".join(f"b{line}" for line in lines)})
    job.channel("validation", {"v.csv": header + "".join(lines)})
    assert train(job) == 0
    log = capsys.readouterr().out
    for line in (
        "  train         2 files, 80 rows, 6 columns named in the header or file, 2.5% of the feature cells missing",
        "  validation    1 file, 40 rows, 6 columns named in the header or file",
        "  target        price: numbers from 0 to 39, mean 19.5",
        "  features      3: 1 boolean, 1 date, 1 category",
        "    categories  color (2)",
        "  ignored       note, as asked",
        "  objective     reg:squarederror, the target holds numbers",
    ):
        assert f"\n{line}" in log
    assert re.findall(r"^\[(\d)\]\ttrain-rmse:\d+\.\d{5}\tvalidation-rmse:\d+\.\d{5}$", log, re.MULTILINE) == [
        "0",
        "1",
        "2",
    ]
    assert f"Model written to {job.model}/xgboost-model (" in log


def test_a_nearly_unique_text_column_is_left_out_and_the_log_says_so(job, train, capsys):
    text = "y,id,x\n" + "".join(f"{i},h{i},{i}\n" for i in range(40))
    assert train(job.channel("train", {"a.csv": text})) == 0
    assert (
        "  left out      id: text with 40 different values in 40 rows, such as an identifier; name it in "
        "categorical_columns" in capsys.readouterr().out
    )


def test_what_an_earlier_run_left_is_removed_even_where_this_one_fails_early(job, train):
    job.model.mkdir()
    for name in ("xgboost-model", "xgboost-model-0"):
        (job.model / name).write_text("old")
    job.output.mkdir()
    (job.output / "failure").write_text("old")
    job.hyperparameters["eta"] = "2"
    assert train(job.channel("train", {"a": rows(0, 9)})) == 1
    assert job.models == []
    assert job.failure == "'eta': must be at most 1, got '2'"
    del job.hyperparameters["eta"]
    assert train(job) == 0
    assert job.failure is None


def test_accuracy_and_error_are_one_in_every_round(job, train, capsys):
    text = "".join(f"{(i * i) % 7 % 2},{i % 13},{i % 5}\n" for i in range(200))
    job.hyperparameters |= {"objective": '"binary:logistic"', "eval_metric": "error,accuracy", "num_round": "20"}
    assert train(job.channel("train", {"a": text}).channel("validation", {"v": text})) == 0
    log = capsys.readouterr().out
    for channel in ("train", "validation"):
        pairs = re.findall(rf"{channel}-error:(\S+)\t{channel}-accuracy:(\S+)", log)
        assert len(pairs) == 20
        assert {round(float(error) + float(accuracy), 5) for error, accuracy in pairs} == {1}


def test_early_stopping_without_eval_metric_keeps_the_best(job, train, capsys):
    random = np.random.default_rng(0)
    table = "".join(f"{x + 3 * noise},{x},{noise2}\n" for x, noise, noise2 in random.normal(size=(300, 3)))
    lines = table.splitlines(keepends=True)
    job.hyperparameters |= {"num_round": 200, "early_stopping_rounds": 5}
    job.channel("train", {"a": "".join(lines[:150])}).channel("validation", {"a": "".join(lines[150:])})
    assert train(job) == 0
    scores = [float(score) for score in re.findall(r"validation-rmse:(\S+)", capsys.readouterr().out)]
    assert len(scores) == int(np.argmin(scores)) + 6
    body = "".join(line.partition(",")[2] for line in lines[150:])
    label = np.array([float(line.partition(",")[0]) for line in lines[150:]])
    assert rmse(predict(job, body).scores, label) == pytest.approx(min(scores), abs=1e-4)


def rmse(scores: NDArray[np.float32], label: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean((scores - label) ** 2)))


def test_ames_with_default_hyperparameters(tmp_path):
    lines = (DATA / "ames.csv").read_text().splitlines(keepends=True)
    order = np.random.default_rng(0).permutation(len(lines) - 1)
    held_out, learned_from = order[: len(order) // 5], order[len(order) // 5 :]
    job = Job(tmp_path / "ml", {"target": "price"})
    job.channel("train", {"ames.csv": lines[0] + "".join(lines[1 + i] for i in learned_from)}, "text/csv")
    done = job.run()
    assert (done.returncode, done.stderr, job.failure) == (0, "", None)
    body = lines[0] + "".join(lines[1 + i] for i in held_out)
    price = lines[0].split(",").index("price")
    label = np.array([float(lines[1 + i].split(",")[price]) for i in held_out])
    assert rmse(predict(job, body).scores, label) < 27_000


def libsvm(channel: str, shift: int) -> dict[str, str]:
    """Abalone's files, indices moved by ``shift``."""
    move = re.compile(r"(\d+):")
    return {
        path.name: move.sub(lambda found: f"{int(found[1]) + shift}:", path.read_text())
        for path in (DATA / "abalone" / channel).iterdir()
    }


@pytest.mark.parametrize("shift", [0, -1], ids=["indices from 1", "indices from 0"])
def test_abalone_is_predicted_as_it_was_logged(tmp_path, shift):
    job = Job(tmp_path / "ml", {"num_round": 50, "max_depth": 5, "eta": 0.2, "gamma": 4, "subsample": 0.7})
    job.channel("train", libsvm("train", shift), "text/libsvm")
    job.channel("validation", libsvm("validation", shift), "text/libsvm")
    done = job.run()
    assert done.returncode == 0
    (logged,) = re.findall(r"^\[49\]\ttrain-rmse:\S+\tvalidation-rmse:(\S+)$", done.stdout, re.MULTILINE)
    (body,) = libsvm("validation", shift).values()
    label = np.array([float(line.split()[0]) for line in body.splitlines()])
    scores = predict(job, body, "text/libsvm").scores
    assert rmse(scores, label) == pytest.approx(float(logged), abs=1e-4)
    assert float(logged) == pytest.approx(2.30, abs=0.1)
    for row in (0, 1, 625):
        alone = predict(job, body.splitlines()[row], "text/libsvm").scores
        bare = predict(job, body.splitlines()[row].partition(" ")[2], "text/libsvm").scores
        assert alone == bare == scores[row]


@pytest.fixture
def long_job(tmp_path: Path) -> Job:
    job = Job(tmp_path / "ml", {"num_round": 1_000_000, "max_depth": 2})
    return job.channel("train", libsvm("train", 0), "text/libsvm")


def test_a_job_that_cannot_be_repeated_keeps_no_checkpoints_and_says_why(job, train, capsys):
    job.hyperparameters |= {"objective": "rank:ndcg", "group_column": 1, "checkpoint_interval": 1}
    job.channel("train", {"a.csv": "".join(f"{i % 3},{i // 6},{i % 5}\n" for i in range(60))})
    checkpoints = job.root / "checkpoints"
    checkpoints.mkdir()
    assert train(job) == 0
    assert len(list(checkpoints.iterdir())) == 3
    capsys.readouterr()
    job.hyperparameters["lambdarank_unbiased"] = 1
    assert train(job) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if "checkpoint" in line]
    assert len(said) == 1
    assert "WARNING: No checkpoints are kept, and a job that is cut off begins anew: lambdarank_unbiased" in said[0]
    assert len(list(checkpoints.iterdir())) == 3


@pytest.mark.filterwarnings("ignore:.*Unknown file format")  # XGBoost's word on a name without an extension
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_during_the_rounds_saves_the_model_of_those_done(long_job, number):
    with long_job.started() as process:
        log = stop_after(process, "[5]\t", number)
        assert process.wait(30) == 0
    assert "Traceback" not in log
    assert long_job.failure is None
    assert long_job.models == ["xgboost-model"]
    booster = xgboost.Booster(model_file=long_job.model / "xgboost-model")
    assert 6 <= booster.num_boosted_rounds() < 10_000
    assert np.isfinite(predict(long_job, "1:2 2:0.74 3:0.6 4:0.195", "text/libsvm").scores).all()


def test_a_stop_during_the_rounds_saves_nothing_where_that_is_asked(long_job):
    long_job.hyperparameters["save_model_on_termination"] = "false"
    with long_job.started() as process:
        log = stop_after(process, "[5]\t")
        assert process.wait(30) == 0
    assert "no model is written, for save_model_on_termination is false" in log
    assert (long_job.models, long_job.failure) == ([], None)


def test_a_stop_before_the_rounds_ends_at_once_without_a_model(long_job):
    fifo = long_job.config / "resourceconfig.json"
    os.mkfifo(fifo)
    with long_job.started() as process:
        writer = os.open(fifo, os.O_WRONLY)  # waits until the job opens it, which waits for what is never written
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
        os.close(writer)
        assert "stopped before the first round; there is no model" in process.stdout.read()
    assert (long_job.models, long_job.failure) == ([], None)


@pytest.mark.parametrize(
    ("given", "found"),
    [({}, "10000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "PASSIVE"}, "0")],
)
def test_threads_wait_briefly_unless_the_job_says_otherwise(tmp_path, monkeypatch, given, found):
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"OMP_DISPLAY_ENV": "VERBOSE", **given}.items():
        monkeypatch.setenv(name, value)
    done = Job(tmp_path / "ml", {"num_round": 1}).channel("train", libsvm("train", 0), "text/libsvm").run()
    assert done.returncode == 0, done.stdout
    assert set(re.findall(r"GOMP_SPINCOUNT = '(\d+)'", done.stderr)) == {found}


def test_pandas_is_not_imported_for_a_csv_file(tmp_path):
    """pyarrow would, at its first array, for a fifth of a second."""
    rows = "y,x,c\n" + "".join(f"{i},{i % 7},{'ab'[i % 2]}\n" for i in range(100))
    made = Job(tmp_path, {"target": "y", "num_round": 2}).channel("train", {"a.csv": rows})
    made.write_config()
    path = os.pathsep.join(map(str, (WITHOUT, REPOSITORY)))
    program = (
        "import sys; from container.training.main import main; from container.training.rows import cuts;"
        "cuts.FEWEST_ROWS = 1; sys.exit(main() or 'pandas' in sys.modules)"
    )
    environment = made.environment() | {"PYTHONPATH": path}
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == 0
    assert made.models == ["xgboost-model"]


@pytest.mark.parametrize(("given", "found"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "3"}, "3")])
def test_blas_gets_one_thread_unless_the_job_says_otherwise(tmp_path, given, found):
    made = Job(tmp_path, {"num_round": 1}).channel("train", libsvm("train", 0), "text/libsvm")
    made.write_config()
    program = "import os; from container.training.main import main; main(); print(os.environ['OPENBLAS_NUM_THREADS'])"
    environment = {k: v for k, v in made.environment().items() if k != "OPENBLAS_NUM_THREADS"} | given
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=REPOSITORY, capture_output=True, check=True
    )
    assert done.stdout.decode().splitlines()[-1] == found
