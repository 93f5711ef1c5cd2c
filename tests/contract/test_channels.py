"""Every way to give ``train`` the same rows leads to the same model, whatever the format and the channel's mode."""

import gzip
import io
import json
from collections.abc import Callable
from contextlib import ExitStack

import numpy as np
import pandas as pd
import pytest

from container.data.formats import ContentType, read_request
from container.model import artifact
from container.model.predictor import Predictor
from tests.contract.job import Job
from tests.unit.data.aialgs_writing import FLOAT64, INT32, dense, frame, record, sparse, tensor

_random = np.random.default_rng(7)
ROWS: list[list[float]] = _random.integers(-50, 300, (120, 3)).tolist()
LABELS: list[int] = [row[0] + 2 * row[1] for row in ROWS]
CSV = "".join(f"{label},{a},{b},{c}\n" for label, (a, b, c) in zip(LABELS, ROWS, strict=True)).encode()
HALF = CSV.index(b"\n", len(CSV) // 2) + 1
PAIRS = [{index: value for index, value in enumerate(row) if value} for row in ROWS]
MANIFEST = "".join(
    json.dumps({"source": ",".join(map(str, row)), "price": label, "price-metadata": {"type": "groundtruth/custom"}})
    + '\n{"source": "1,2,3"}\n'
    for label, row in zip(LABELS, ROWS, strict=True)
).encode()

FILES: dict[str, tuple[bytes, str | None]] = {
    "recordio, float32": (dense(ROWS, LABELS), "application/x-recordio-protobuf"),
    "recordio, float64": (dense(ROWS, LABELS, FLOAT64), "recordio-protobuf"),
    "recordio, int32": (dense(ROWS, LABELS, INT32), None),
    "recordio, gzip": (gzip.compress(dense(ROWS, LABELS)), "recordio-protobuf"),
    "JSON Lines, rows": ("".join(json.dumps([y, *x]) + "\n" for y, x in zip(LABELS, ROWS, strict=True)).encode(), None),
    "JSON Lines, features and label": (
        "".join(json.dumps({"features": x, "label": y}) + "\n" for y, x in zip(LABELS, ROWS, strict=True)).encode(),
        "application/jsonlines",
    ),
    "JSON": (json.dumps([[y, *x] for y, x in zip(LABELS, ROWS, strict=True)]).encode(), "application/json"),
    "manifest": (MANIFEST, "application/jsonlines"),
}
STREAMS: dict[str, tuple[bytes, str | None, str | None]] = {
    "CSV": (CSV, "text/csv", None),
    "CSV, no content type, gzip": (gzip.compress(CSV), None, None),
    "recordio": (dense(ROWS, LABELS), "application/x-recordio-protobuf", None),
    "recordio, said to be wrapped": (dense(ROWS, LABELS), "application/x-recordio-protobuf", "RecordIO"),
    "CSV files in RecordIO": (frame(CSV[:HALF]) + frame(CSV[HALF:]), "text/csv", "RecordIO"),
    "CSV rows in RecordIO": (b"".join(map(frame, CSV.splitlines())), "text/csv", "RecordIO"),
    "attributes in RecordIO": (
        b"".join(
            frame(",".join(map(str, x)).encode()) + frame(str(y).encode()) for y, x in zip(LABELS, ROWS, strict=True)
        ),
        "text/csv",
        "RecordIO",
    ),
    "manifest": (MANIFEST, "application/jsonlines", None),
}

Train = Callable[[Job], int]
REQUEST = b"".join(frame(record(tensor(INT32, row))) for row in ROWS[:9])


def scores(job: Job, body: bytes = REQUEST, content_type: str = "recordio-protobuf") -> list[float]:
    predictor = Predictor(artifact.load(job.model / "xgboost-model"))
    prediction = predictor.predict(read_request(body, ContentType.parse(content_type), predictor.schema))
    return [float(score) for score in prediction.scores]


@pytest.fixture
def job(tmp_path) -> Job:
    return Job(tmp_path / "ml", {"num_round": 4})


@pytest.fixture
def expected(tmp_path, train: Train) -> list[float]:
    """What a model of the CSV predicts."""
    job = Job(tmp_path / "plain", {"num_round": 4}).channel("train", {"a.csv": CSV}, "text/csv")
    assert train(job) == 0
    return scores(job)


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_any_format(job, train, expected, name):
    data, content_type = FILES[name]
    assert train(job.channel("train", {"a": data}, content_type)) == 0
    assert scores(job) == expected


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_read_once(job, train, expected, name):
    data, content_type, wrapper = STREAMS[name]
    with job.stream("train", data, content_type, wrapper):
        assert train(job) == 0
    assert scores(job) == expected


def test_streams_for_training_and_validation(job, train, capsys):
    with ExitStack() as stack:
        for name in ("train", "validation"):
            stack.enter_context(job.stream(name, dense(ROWS, LABELS), "application/x-recordio-protobuf"))
        assert train(job) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
    assert len(lines) == 4
    assert all(one.partition(":")[2] == other.partition(":")[2] for _, one, other in lines)


def test_sparse_recordio_is_as_libsvm(job, train, tmp_path):
    plain = Job(tmp_path / "plain", {"num_round": 4})
    text = "".join(
        f"{label} {' '.join(f'{index}:{value}' for index, value in row.items())}\n"
        for label, row in zip(LABELS, PAIRS, strict=True)
    )
    assert train(plain.channel("train", {"a": text}, "text/libsvm")) == 0
    assert train(job.channel("train", {"a": sparse(PAIRS, LABELS, 3)}, "recordio-protobuf")) == 0
    lines = "\n".join(line.partition(" ")[2] for line in text.splitlines()[:9]).encode()
    assert scores(job, sparse(PAIRS[:9], LABELS[:9], 3)) == scores(plain, lines, "text/libsvm")


def test_fastfile_is_as_file(job, train, expected):
    job.channel("train", {"a/part-0.csv": CSV[:HALF], "b/part-1.csv": CSV[HALF:], "_SUCCESS": b""}, mode="FastFile")
    assert train(job) == 0
    assert scores(job) == expected


@pytest.fixture
def store() -> dict[str, bytes]:
    """An offline store in which every record was written twice, and one more was deleted."""
    frame_ = pd.DataFrame(ROWS, columns=["a", "b", "c"]).assign(price=LABELS, record_id=range(len(ROWS)))
    frame_["EventTime"] = "2024-05-31T12:00:00Z"
    moment = pd.Timestamp("2024-05-31T12:00:01Z")
    frame_ = frame_.assign(api_invocation_time=moment, write_time=moment, is_deleted=False)
    before = frame_.assign(price=0, EventTime="2024-05-30T12:00:00Z")
    gone = frame_.iloc[:1].assign(record_id=-1, price=10**6, is_deleted=True)
    path = "s3/store/data/year=2024/month=05/day={}/hour=12/20240531T120000Z_{:016}.parquet"
    return {
        path.format(day, day): _parquet(part)
        for day, part in (
            (30, before),
            (31, frame_.iloc[::-1]),
            (29, gone.assign(is_deleted=False)),
            (32, gone.assign(EventTime="2024-06-01T00:00:00Z")),
        )
    }


def _parquet(frame_: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    frame_.to_parquet(file, index=False)
    return file.getvalue()


def test_a_feature_store_tree(job, train, store, capsys):
    job.hyperparameters["target"] = "price"
    assert train(job.channel("train", store, "application/x-parquet")) == 0
    log = capsys.readouterr().out
    assert "Feature Store offline store, record identifier 'record_id', event time 'EventTime'" in log
    assert "of 242 writes 121 were replaced by later ones and 1 deleted a record; 120 records are kept" in log
    plain = "price,a,b,c\n" + CSV.decode()
    other = Job(job.root.parent / "plain", {"num_round": 4, "target": "price"})
    rows = ["price,a,b,c", *reversed(plain.splitlines()[1:])]
    assert train(other.channel("train", {"a.csv": "\n".join(rows)})) == 0
    assert scores(job) == pytest.approx(scores(other), rel=1e-5)
    predictor = Predictor(artifact.load(job.model / "xgboost-model"))
    assert predictor.schema.names == ("a", "b", "c")


def test_a_manifest_with_class_names_predicts_them(job, train):
    lines = [
        {"source": {"size": i % 9, "color": "red"}, "kind": i % 9 // 5, "kind-metadata": {"class-name": name}}
        for i in range(90)
        for name in [("small", "large")[i % 9 // 5]]
    ]
    data = "".join(json.dumps(line) + "\n" for line in lines)
    assert train(job.channel("train", {"output.manifest": data})) == 0
    predictor = Predictor(artifact.load(job.model / "xgboost-model"))
    body = b'{"size": 1, "color": "red"}\n{"size": 8, "color": "red"}'
    prediction = predictor.predict(read_request(body, ContentType.parse("application/jsonlines"), predictor.schema))
    assert prediction.labels == ["small", "large"]


def test_parquet_files_in_another_order_of_columns_with_dictionaries(job, train):
    zones = pd.Categorical([("north", "south")[i % 2] for i in range(60)])
    whole = pd.DataFrame({"y": [100 * (i % 2) for i in range(60)], "zone": zones, "x": range(60)})
    job.channel("train", {"a": _parquet(whole.iloc[:30]), "b": _parquet(whole.iloc[30:][["x", "zone", "y"]])})
    assert train(job) == 0
    schema = artifact.load(job.model / "xgboost-model").schema
    assert [(feature.name, feature.categories) for feature in schema.features] == [
        ("zone", ("north", "south")),
        ("x", ()),
    ]


@pytest.mark.parametrize(
    ("files", "content_type", "parameters", "failure"),
    [
        (
            {"a": dense(ROWS, LABELS)[:-2]},
            "recordio-protobuf",
            {},
            "the data ends within a record (train/a record 120); write it as RecordIO, whole",
        ),
        (
            {"a": frame(record(tensor(INT32, [1])))},
            "recordio-protobuf",
            {},
            "the record has no label (train/a record 1); write",
        ),
        (
            {"a": dense(ROWS, LABELS), "b": sparse(PAIRS, LABELS, 3)},
            "recordio-protobuf",
            {},
            "train/b and train/a are of different formats; write all files as sparse rows",
        ),
        (
            {"a": dense(ROWS, LABELS), "b": dense([[1, 2]], [3])},
            None,
            {},
            "the file has 3 columns where the training data before it has 4 (train/b); give every file",
        ),
        (
            {"a": '{"source-ref": "s3://b/k", "x": 1, "x-metadata": {}}\n'},
            None,
            {},
            "the line has only a reference (source-ref), and training reads rows (train/a record 1); write the",
        ),
        (
            {"a": CSV},
            "text/csv",
            {"record_identifier": "id"},
            "'record_identifier' and 'event_time' are of a Feature Store",
        ),
    ],
)
def test_broken_input_leaves_no_model(job, train, files, content_type, parameters, failure):
    job.hyperparameters |= parameters
    assert train(job.channel("train", files, content_type)) == 1
    assert job.failure is not None
    assert job.failure.startswith(failure)
    assert job.models == []


def test_a_broken_stream_leaves_no_model(job, train):
    with job.stream("train", b"1,2,3\n4,5\n", "text/csv"):
        assert train(job) == 1
    assert job.failure == (
        "the row has 2 cells where the first has 3 (train_0 line 2); "
        "give every row as many, and quote cells that hold the delimiter"
    )
    assert job.models == []
