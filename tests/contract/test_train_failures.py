"""Broken inputs: each leaves no model, and a failure file that says cause, place and remedy at once."""

# ruff: noqa: E501 - a table, one input a line

import gzip
import io
import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.contract.job import Job

Files = Mapping[str, str | bytes]


def parquet_file(**columns: list[Any]) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def archive(*, zipped: bool) -> bytes:
    buffer = io.BytesIO()
    if zipped:
        with zipfile.ZipFile(buffer, "w") as file:
            file.writestr("rows.csv", CSV)
    else:
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            member = tarfile.TarInfo("rows.csv")
            member.size = len(CSV)
            tar.addfile(member, io.BytesIO(CSV.encode()))
    return buffer.getvalue()


BODY = "".join(f"{i % 7},{i},{i * 3 % 11}\n" for i in range(60))
CSV = "y,a,b\n" + BODY  # 61 lines
LIBSVM = "".join(f"{i % 2} 1:{i} 2:{i * 3 % 5}\n" for i in range(60))
PARQUET = parquet_file(y=list(range(60)), a=list(range(60)))
CLASSES = "y,a\n" + "low,1\nmid,2\nhigh,3\n" * 9
WEIGHTS = "y,w,a\n1,1,1\n2,{},2\n"


@dataclass(frozen=True)
class Broken:
    """One input and how the failure file must begin."""

    id: str
    failure: str
    train: str | bytes | Files | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    content_type: str | None = None
    validation: str | Files | None = None

    def job(self, tmp_path) -> Job:
        job = Job(tmp_path / "ml", {"num_round": 2, **self.parameters})
        if self.train is not None:
            job.channel("train", _files(self.train), self.content_type)
        if self.validation is not None:
            job.channel("validation", _files(self.validation))
        return job


def _files(content: str | bytes | Files) -> Files:
    return content if isinstance(content, Mapping) else {"a": content}


FORMAT = "; set the channel's ContentType to what the files are"
COLUMNS = "; give every file the same columns"
NUMBER = "; send a number, or leave the cell empty where it is not known"
FINITE = "is infinite or beyond what a 32-bit float holds"
CORRECT = "; correct it, or leave the row out"
LABEL = "; correct the label, or choose another objective"
ROW = "; write each row as 'label index:value index:value …', indices whole numbers from 0"

CHANNELS = [
    Broken("no train", "there is no channel 'train': the job has 'validation'; name the channel", validation=CSV),
    Broken(
        "no channels",
        "there is no channel 'train': the job has no channels; name the channel with the training data 'train' (its folder is input/data/train)",
    ),
    Broken("empty channel", "the channel 'train' has no files; put the data into ", {}),
    Broken("marker file alone", "the channel 'train' has no files; put the data into ", {"_SUCCESS": ""}),
    Broken("empty file", "the files of the channel 'train' are all empty; put rows into them", ""),
    Broken("header alone", "the channel 'train' has a header and no rows; put rows into its files", "y,a,b\n"),
    Broken(
        "empty validation",
        "the files of the channel 'validation' are all empty; put rows into them",
        CSV,
        validation="",
    ),
    Broken(
        "header alone in validation",
        "the channel 'validation' has a header and no rows; put rows into its files",
        CSV,
        validation="y,a,b\n",
    ),
    Broken(
        "CSV and LIBSVM",
        "train/b and train/a are of different formats; write all files as sparse rows (LIBSVM, ",
        {"a": CSV, "b": LIBSVM},
    ),
    Broken("LIBSVM for validation", "validation/a and train/a are of different formats", CSV, validation=LIBSVM),
]

FILES = [
    Broken("ragged", "the row has 2 cells where the first has 3 (train/a line 62); give every row as many", CSV + "1,2\n"),
    Broken(
        "ragged below a line break in a cell",
        "the row has 2 cells where the first has 3 (train/a line 64); give every row as many",
        CSV + '1,2,"\n3"\n1,2\n',
    ),
    Broken("quote", "the quoted cell that opens on line 62 is never closed (train/a); close it", CSV + '1,"2,3\n'),
    Broken("Latin-1", "line 62 is not UTF-8 text (byte 0xe9) (train/a); send UTF-8, or name the", CSV.encode() + b"\xe9"),
    Broken("UTF-16", "line 1 is not UTF-8 text (byte 0xff) (train/a); send UTF-8, or name the", CSV.encode("utf-16")),
    Broken("Excel", "the file is a ZIP archive or an Excel workbook, which is not read (train/a); write its rows as CSV or Parquet", archive(zipped=True)),
    Broken("tar.gz", "the file is a tar archive, which is not read (train/a); write its rows as CSV or Parquet", archive(zipped=False)),
    Broken("Excel said to be CSV", "the file is a ZIP archive or an Excel workbook, which is not read (train/a); write", archive(zipped=True), content_type="text/csv"),
    Broken("NUL", "line 62 holds a NUL byte, so this is not text (train/a); send UTF-8 text", CSV + "1,\0,3\n"),
    Broken("fewer columns", f"the file lacks 'b', unlike the training data before it (train/b){COLUMNS}", {"a": CSV, "b": "y,a\n1,2\n"}),
    Broken("more columns", f"the file also has 'c', unlike the training data before it (train/b){COLUMNS}", {"a": CSV, "b": "y,a,b,c\n1,2,3,4\n"}),
    Broken("other width", f"the file has 2 columns where the training data before it has 3 (train/b){COLUMNS}", {"a": CSV, "b": "1,2\n"}),
    Broken("other columns in validation", f"the file lacks 'y', unlike the training data before it (validation/a){COLUMNS}", CSV, validation="a,b\n1,2\n"),
    Broken("header with a name twice", "the header names 'a' twice (train/a); give every column a name", "y,a,a\n1,2,3\n", {"target": "y"}),
    Broken("CSV called Parquet", f"the file is not Parquet, but the channel's content type says parquet (train/a){FORMAT}", CSV, content_type="application/x-parquet"),
    Broken("Parquet called CSV", f"the file is Parquet, but the channel's content type says csv (train/a){FORMAT}", PARQUET, content_type="text/csv"),
    Broken("LIBSVM called CSV", "the file is LIBSVM, but the channel's content type says csv (train/a); set the channel's ContentType to what the files are, or 'delimiter'", LIBSVM, content_type="text/csv"),
    Broken("CSV called LIBSVM", f"'y,a,b' is not 'index:value' (train/a line 1){ROW}", CSV, content_type="text/libsvm"),
    Broken("JSON cut short", "line 2 is not JSON: unexpected end of data at column 8 (train/a); send valid JSON", '{"y": 1}\n{"y": 2', content_type="application/jsonlines"),
    Broken("content type", "cannot read the content type 'image/png'; send one of text/csv, ", CSV, content_type="image/png"),
    Broken("charset", "the charset 'klingon' is unknown (train/a); send UTF-8", CSV, content_type="text/csv; charset=klingon"),
    Broken("label_size", "label_size='2' in the content type; it is 0 or 1", CSV, content_type="text/csv; label_size=2"),
    Broken("half a Parquet file", "the Parquet file cannot be read: Parquet magic bytes not found in footer (train/a); write it again, whole", PARQUET[: len(PARQUET) // 2]),
    Broken("half a gzip file", "the gzip file is damaged: Compressed file ended before the end-of-stream marker was reached (train/a.csv.gz); compress it again", {"a.csv.gz": gzip.compress(CSV.encode())[:60]}),
    Broken("nested Parquet column", "values of the type list<element: int64> cannot be features (train/a, column 'a'); write the column as", parquet_file(y=[1, 2], a=[[1], [2]])),
]  # fmt: skip

LIBSVM_ROWS = [
    Broken("token", f"'a:1' is not 'index:value' (train/a line 61){ROW}", LIBSVM + "1 a:1\n"),
    Broken("index", "the feature index 99999999 is beyond 10,000,000 (train/a line 61); number the features from 0", LIBSVM + "1 99999999:1\n"),
    Broken("index twice", "the feature index 1 stands twice in the row (train/a line 61); give each index one value", LIBSVM + "1 1:1 1:2\n"),
    Broken("one weight", "the row has a weight, unlike the rows before (train/a line 61); give every row a weight, or none", LIBSVM + "1:2 1:1\n"),
    Broken("no labels", "the rows have no labels (train/a line 1); begin each row with its label", "qid:1 1:2\nqid:2 1:3\n"),
    Broken("infinite LIBSVM label", f"inf {FINITE} (train/a line 61, column 'label'){CORRECT}", LIBSVM + "inf 1:2\n"),
    Broken("LIBSVM label beyond float32", f"1e+39 {FINITE} (train/a line 61, column 'label'){CORRECT}", LIBSVM + "1e39 1:2\n"),
    Broken("missing LIBSVM label", "the label is missing (train/a line 61, column 'label'); fill it in, or leave the row out", LIBSVM + "nan 1:2\n"),
    Broken("infinite LIBSVM value", "a value is infinite or beyond what a 32-bit float holds (train/a line 61); use finite numbers", LIBSVM + "1 1:1e39\n"),
    Broken("no features", "no column is left to learn from; the data needs at least one besides the target", "1\n0\n"),
]  # fmt: skip

CELLS = [
    Broken("empty label", "the label is missing (train/a line 62, column 'y'); fill it in, or leave the row out", CSV + ",1,2\n"),
    Broken("infinite label", f"inf {FINITE} (train/a line 62, column 'y'){CORRECT}", CSV + "inf,1,2\n"),
    Broken("no labels at all", "the target column has no values (column 'y'); check 'target' and the file", "y,a\n,1\n,2\n"),
    Broken("dates for labels", "the target column holds dates (column 'y'); name a column of numbers or classes", "y,a\n2024-01-01,1\n2024-01-02,2\n"),
    Broken("infinite feature", f"inf {FINITE} (train/a line 62, column 'a'); send a finite number, or leave the cell empty", CSV + "1,inf,2\n"),
    Broken("feature beyond float32", f"1e+39 {FINITE} (train/a line 62, column 'a'); send a finite", CSV + "1,1e39,2\n"),
    Broken("stray text", "'n.a.' stands in a column of numbers (train/a line 62, column 'a'); leave the cell empty", CSV + "1,n.a.,3\n"),
    Broken("stray text in the target", "'x' stands in a column of numbers (train/a line 42, column 'y'); correct the cell", "y,a\n" + "".join(f"{i},{i}\n" for i in range(40)) + "x,1\n"),
    Broken("header that is none", "'a' stands in a column of numbers (train/a line 1, column 1); set header=true", "y,a,2020\n" + BODY),
    Broken("text in validation", f"'x' is not a number (validation/a line 62, column 'a'){NUMBER}", CSV, validation=CSV + "1,x,2\n"),
    Broken("text label in validation", f"'x' is not a number (validation/a line 62, column 'y'){CORRECT}", CSV, validation=CSV + "x,1,2\n"),
    Broken("class in validation", "the class 'w' is none the training data has (validation/a line 3, column 'y'); add rows of it there", "y,a\n" + "u,1\nv,2\n" * 9, validation="y,a\nu,1\nw,2\n"),
    Broken("negative weight", "the weight is negative (train/a line 3, column 'w'); weights are 0 or more", WEIGHTS.format("-1"), {"weight_column": "w"}),
    Broken("missing weight", "the weight is missing (train/a line 3, column 'w'); fill it in, or leave the row out", WEIGHTS.format(""), {"weight_column": "w"}),
    Broken("text weight", f"'x' is not a number (train/a line 3, column 'w'){CORRECT}", WEIGHTS.format("x"), {"weight_column": "w"}),
]  # fmt: skip

LABELS = [
    Broken("area under the curve of numbers", "'eval_metric': 'auc' is for the labels 0 and 1, and these go from 0 to 6; leave it out", CSV, {"eval_metric": "rmse,auc"}),
    Broken("no weight at all", "XGBoost cannot train: weights must contain at least one non-zero value.", "y,w,a\n1,0,1\n2,0,2\n", {"weight_column": "w"}),
    Broken("one class", "every row has the class 'yes', so there is nothing to tell apart; add rows of another class", "y,a\n" + "yes,1\n" * 30),
    Broken("one binary label", "every label is 1, so there is nothing to tell apart; add rows of another class", "y,a\n" + "1,1\n" * 30, {"objective": "binary:logistic"}),
    Broken("prices for classes", "the labels go up to 250,000 in 61 rows, as numbers do and classes do not; number the classes from 0", CSV + "250000,2,3\n", {"objective": "multi:softmax"}),
    Broken("no survival time", f"labels for survival:cox must be a time, negative where it is censored, and this is 0 (train/a line 2, column 'y'){LABEL}", CSV, {"objective": "survival:cox"}),
    Broken("text for numbers", "the target 'low' is text, and the objective needs numbers (train/a line 2, column 'y'); name a numeric column", CLASSES, {"objective": "reg:squarederror"}),
    Broken("three classes for two", "'objective': binary:logistic needs a target of two classes, and it has 3: 'high', 'low', 'mid'; use multi:softprob", CLASSES, {"objective": "binary:logistic"}),
    Broken("num_class", "'num_class': is 2, and the target has 3 classes: 'high', 'low', 'mid'; leave it out", CLASSES, {"objective": "multi:softmax", "num_class": "2"}),
    Broken("label beyond num_class", "labels for multi:softmax must be whole numbers from 0 to 2 (num_class - 1), and this is 3 (train/a line 5, column 'y'); number the classes from 0, or correct the label or num_class", CSV, {"objective": "multi:softmax", "num_class": "3"}),
    Broken("fraction for a class", f"labels for multi:softmax must be whole numbers from 0, and this is 1.5 (train/a line 62, column 'y'){LABEL}", CSV + "1.5,2,3\n", {"objective": "multi:softmax"}),
    Broken("binary label 2", f"labels for binary:logistic must be 0 or 1, and this is 2 (train/a line 5, column 'y'){LABEL}", "y,a\n0,1\n1,2\n\n2,3\n", {"objective": "binary:logistic"}),
    Broken("negative count", f"labels for count:poisson must not be negative, and this is -1 (train/a line 62, column 'y'){LABEL}", CSV + "-1,2,3\n", {"objective": "count:poisson"}),
    Broken("survival time 0", f"labels for survival:aft must be greater than 0, and this is 0 (train/a line 1, column 'label'){LABEL}", LIBSVM, {"objective": "survival:aft"}),
]  # fmt: skip

PARAMETERS = [
    Broken("unknown", "'max_dept' is unknown; did you mean 'max_depth'?", CSV, {"max_dept": "3"}),
    Broken("range", "'eta': must be at most 1, got '2'", CSV, {"eta": "2"}),
    Broken("type", "'num_round': must be a whole number, got 'ten'", CSV, {"num_round": "ten"}),
    Broken("metric", "'eval_metric': 'rsme' is not a metric; did you mean 'rmse'?", CSV, {"eval_metric": "rsme"}),
    Broken("metric of two classes", "'eval_metric': 'f1_binary' is for two classes, the objective is 'multi:softprob'; use 'f1_macro'", CLASSES, {"eval_metric": "f1_binary", "target": "y"}),
    Broken("target", "target: there is no column 'z'; the columns are 'y', 'a', 'b'", CSV, {"target": "z"}),
    Broken("target misspelt", "target: there is no column 'prize'; did you mean 'price'?", CSV.replace("y", "price"), {"target": "prize"}),
    Broken("target without a header", "target: there is no column 'y', for the data has no header row; give a position from 0 to 2, or set header=true", BODY, {"target": "y"}),
    Broken("target beyond", "target: there is no column 9; the data has 3 columns, 0 to 2", CSV, {"target": "9"}),
    Broken("ignore_columns", "ignore_columns: there is no column 'bb'; did you mean 'b'?", CSV, {"ignore_columns": "bb"}),
    Broken("categorical_columns", "categorical_columns: there is no column 'bb'; did you mean 'b'?", CSV, {"categorical_columns": "bb"}),
    Broken("weight_column", "weight_column: there is no column 'w'; the columns are 'y', 'a', 'b'", CSV, {"weight_column": "w"}),
    Broken("all ignored", "no column is left to learn from; the data needs at least one besides the target", CSV, {"ignore_columns": "a,b"}),
    Broken("target ignored", "'ignore_columns' names the column that 'target' names too; leave it out of one", CSV, {"ignore_columns": "y"}),
    Broken("target and weight", "'weight_column'", CSV, {"weight_column": "y", "target": "y"}),
    Broken("text for gblinear", "booster 'gblinear' cannot use the text columns 'a'; use gbtree, or name them in ignore_columns", "y,a\n1,red\n2,blue\n", {"booster": "gblinear"}),
    Broken("text for exact", "tree_method 'exact' cannot use the text columns 'a'; use hist, or name them in ignore_columns", "y,a\n1,red\n2,blue\n", {"tree_method": "exact"}),
    Broken("constraints", "'monotone_constraints': must have at most 2 directions, got 3", CSV, {"monotone_constraints": "(1,0,1)"}),
]  # fmt: skip


@pytest.mark.parametrize(
    "broken",
    [pytest.param(b, id=b.id) for b in (*CHANNELS, *FILES, *LIBSVM_ROWS, *CELLS, *LABELS, *PARAMETERS)],
)
def test_the_failure_says_cause_place_and_remedy(broken, tmp_path, train):
    job = broken.job(tmp_path)
    assert train(job) == 1
    assert job.models == []
    assert job.failure.startswith(broken.failure)
    assert len(broken.failure) <= 300
    assert len(job.failure) <= 600


def _model_folder_is_a_file(job: Job) -> None:
    job.model.write_text("in the way")


def _no_channel_folder(job: Job) -> None:
    shutil.rmtree(job.root / "input" / "data" / "train")


@pytest.mark.parametrize(
    ("spoil", "failure"),
    [
        (_model_folder_is_a_file, "the model folder {root}/model cannot be written to: File exists; mount it writable"),
        (
            _no_channel_folder,
            "the channel 'train' has no folder {root}/input/data/train; give the training job that channel",
        ),
    ],
)
def test_a_tree_that_cannot_be_used(spoil: Callable[[Job], None], failure, tmp_path, train):
    job = Job(tmp_path / "ml").channel("train", {"a": CSV})
    spoil(job)
    assert train(job) == 1
    assert job.failure == failure.format(root=job.root)


def test_a_model_folder_that_may_not_be_written_to(train):
    import container.training.run  # noqa: F401 - now, for an unprivileged user may not be allowed to read it

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        job = Job(Path(folder) / "ml").channel("train", {"a": CSV})
        job.model.mkdir(mode=0o555)
        job.output.mkdir()
        job.output.chmod(0o777)
        job.hyperparameters["nthread"] = 1
        job.write_config()
        user = os.geteuid()
        if user == 0:  # who may write everywhere
            os.seteuid(65534)
        try:
            assert train(job, write=False) == 1
        finally:
            os.seteuid(user)
        assert job.failure == f"the model folder {job.model} cannot be written to: Permission denied; mount it writable"


@pytest.mark.parametrize("broken", [CHANNELS[1], CELLS[0], PARAMETERS[1]], ids=lambda broken: broken.id)
def test_a_process_ends_with_the_reason_in_its_log(broken, tmp_path):
    job = broken.job(tmp_path)
    done = job.run()
    assert done.returncode == 1
    assert job.models == []
    assert job.failure.startswith(broken.failure)
    assert done.stdout == f"ERROR: {job.failure}\n"
    assert done.stderr == ""
