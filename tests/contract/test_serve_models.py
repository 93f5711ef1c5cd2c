"""`serve` with models, outputs and rows that are not as usual."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.serving import MODELS, serving, started

ELSEWHERE = MODELS.parents[1] / "data" / "elsewhere"


def refused(folder: Path, **settings: str) -> str:
    """What `serve` says, which must end at once with exit code 1."""
    with started(folder, folder.parent / "log", **settings) as process:
        assert process.wait(60) == 1
    return (folder.parent / "log").read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ml" / "model").mkdir(parents=True)
    return tmp_path / "ml"


def test_an_output_the_model_does_not_have_is_said_at_the_start(folder: Path) -> None:
    shutil.copy(MODELS / "counts.ubj", folder / "model" / "xgboost-model")
    assert refused(folder, SAGEMAKER_INFERENCE_OUTPUT="predicted_score,probability") == (
        "ERROR: SAGEMAKER_INFERENCE_OUTPUT: a model of count:poisson has no output 'probability'; "
        "ask for any of predicted_score, margin, contributions, leaf\n"
    )


@pytest.mark.parametrize("name", ["1.0.2-regression.pkl", "1.0.2-regression.bin"])
def test_a_model_in_a_form_of_old_is_refused_with_the_way_to_convert_it(folder: Path, name: str) -> None:
    shutil.copy(ELSEWHERE / name, folder / "model" / "xgboost-model")
    assert "booster.save_model('xgboost-model.ubj')" in refused(folder)


def test_chosen_outputs_and_contributions_from_forked_workers(tmp_path: Path) -> None:
    settings = {"SAGEMAKER_INFERENCE_OUTPUT": "predicted_label,probability", "OMP_NUM_THREADS": "4"}
    with serving(tmp_path / "ml", "approval", **settings) as server:
        assert server.predict(b"100,3").body == b'"no, thanks",0.45347622'
        attributes = {"X-Amzn-SageMaker-Custom-Attributes": "output=margin,contributions", "Accept": "application/json"}
        for _ in range(8):
            reply = server.predict(b"100,3", **attributes)
            (row,) = json.loads(reply.body)["predictions"]
            assert sum(row["contributions"].values()) == pytest.approx(row["margin"], rel=1e-5)
        attributes["X-Amzn-SageMaker-Custom-Attributes"] = "output=quantiles"
        reply = server.predict(b"100,3", **attributes)
        assert reply.status == 400
        assert "has no output 'quantiles'; ask for any of predicted_label, labels" in json.loads(reply.body)["error"]


def test_a_model_from_elsewhere_beside_other_files(tmp_path: Path) -> None:
    expected = json.loads((ELSEWHERE / "predictions.json").read_text())
    name = "1.7.6-regression.ubj"
    with serving(tmp_path / "ml", ELSEWHERE / name, beside={"metrics.json": b"{}", ".DS_Store": b"\0"}) as server:
        rows = [dict(zip(("age", "rooms", "area"), row[::-1], strict=True)) for row in expected["rows"]]
        reply = server.predict(json.dumps(rows).encode(), "application/json", Accept="text/csv")
        answered = [float(line) for line in reply.body.split()]
        assert answered == pytest.approx(expected["predictions"][name], rel=1e-6)
        lines = server.log.read_text().splitlines()
        assert lines[:2] == [
            "ignored beside the model: '.DS_Store', 'metrics.json'",
            f"serving {name}: reg:squarederror, 3 features",
        ]


def test_several_models_vote_unless_told_otherwise(tmp_path: Path) -> None:
    names = ["sizes-softmax", "sizes-softmax-1", "sizes-softmax-2"]
    models = {f"xgboost-model-{number}": (MODELS / f"{name}.ubj").read_bytes() for number, name in enumerate(names)}
    with serving(tmp_path / "all", beside=models) as server:
        assert server.predict(b"100,3\n190,7").body == b"middle,1.0\nlarge,0.0"
        line = server.log.read_text().splitlines()[0]
        assert line == f"serving the ensemble of 3 models {', '.join(models)}: multi:softmax, 2 features"
    with serving(tmp_path / "first", beside=models, SAGEMAKER_INFERENCE_ENSEMBLE="false") as server:
        reply = server.predict(b"100,3", **{"X-Amzn-SageMaker-Custom-Attributes": "output=leaf"})
        assert len(reply.body.split(b",")) == 6  # two rounds of three classes
        lines = server.log.read_text().splitlines()
        assert lines[0] == "serving xgboost-model-0: multi:softmax, 2 features"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/csv", b'"no, thanks",0.45347622\n\nyes,0.90997005\n'),
        (
            "application/jsonlines",
            b'{"predicted_label":"no, thanks","score":0.45347622}\n{}\n{"predicted_label":"yes","score":0.90997005}\n',
        ),
    ],
)
def test_batch_transform_of_rows_that_cannot_all_be_read(tmp_path: Path, accept: str, expected: bytes) -> None:
    body = b"100,3\nmany,3\n190,7\n"
    batch = {"SAGEMAKER_BATCH": "True", "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": accept}
    with serving(tmp_path / "strict", "approval", **batch) as server:
        reply = server.predict(body)
        assert reply.status == 400
        assert json.loads(reply.body)["error"].startswith("'many' is not a number (line 2, column 'area')")
    with serving(tmp_path / "lenient", "approval", ON_BAD_ROW="placeholder", **batch) as server:
        parameters = json.loads(server.request("GET", "/execution-parameters").body)
        assert parameters == {"MaxConcurrentTransforms": 2, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}
        assert server.predict(body).body == expected
        assert "1 of 3 rows cannot be read, and have no prediction; the first: 'many'" in server.log.read_text()
