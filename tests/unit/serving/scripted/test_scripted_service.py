"""A script's hooks at work: what they get, what becomes of what they return, and what stands in for those missing."""

import json
import logging
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from flask import request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from container.contract.inference_code import InferenceCode
from container.contract.serving_env import ServingSettings
from container.errors import UserError
from container.model import artifact
from container.model.predictor import Predictor
from container.serving.app import create_app
from container.serving.scripted.service import Own, ScriptedService
from container.serving.seen import ROWS
from container.serving.service import ModelService
from tests.support.serving import MODELS

Client = Callable[..., FlaskClient]

ECHO = """
    def transform_fn(model, body, content_type, accept):
        return repr((type(model).__name__, body, content_type, accept)), "text/plain"
"""


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """`client(script)`: an application with this script before a golden model, or none."""

    def make(script: str, model: str | None = "approval", accept: str = "application/json", **more: Any) -> FlaskClient:
        path = tmp_path / "inference.py"
        path.write_text(textwrap.dedent(script))
        settings = ServingSettings(workers=1, **more)
        own = None
        if model is not None:
            artifacts = [artifact.load(MODELS / f"{model}.ubj")]
            predictor = Predictor(*artifacts)
            rows = ModelService(predictor, settings)
            own = Own(artifacts, predictor, rows, rows)
        service = ScriptedService(InferenceCode(tmp_path, path, accept), str(MODELS), settings, own)
        service.load()
        return create_app(service, settings).test_client()

    return make


def post(
    client: FlaskClient, body: bytes = b"100,3", content_type: str | None = "text/csv", **headers: str
) -> TestResponse:
    return client.post("/invocations", data=body, content_type=content_type, headers=headers)


def plain(client: FlaskClient, **request: Any) -> Any:
    reply = post(client, **request)
    assert (reply.status_code, reply.content_type) == (200, "text/plain")
    return eval(reply.get_data())  # noqa: S307  # the script's own repr


@pytest.mark.parametrize(
    ("body", "content_type", "given"),
    [
        (b"100,3", "text/csv", ("100,3", "text/csv")),
        (b'{"a": 1}', "application/json", ('{"a": 1}', "application/json")),
        ("é".encode("latin-1"), "text/csv; charset=latin-1", ("é", "text/csv; charset=latin-1")),
        (b"1:2", "text/libsvm", (b"1:2", "text/libsvm")),
        (b"\x00\xff", "image/png", (b"\x00\xff", "image/png")),
        (b"100,3", None, ("100,3", "text/csv")),
        (b"[[1]]", None, ("[[1]]", "application/json")),
    ],
)
def test_a_body_is_text_where_aws_s_image_hands_over_text(
    client: Client, body: bytes, content_type: str | None, given: tuple[str | bytes, str]
) -> None:
    assert plain(client(ECHO), body=body, content_type=content_type) == ("Booster", *given, "application/json")


def test_a_body_that_is_no_text_is_the_caller_s_fault(client: Client) -> None:
    reply = post(client(ECHO), b"\xff")
    assert reply.status_code == 400
    assert reply.get_json() == {"error": "the request body is no text in utf-8; send UTF-8"}


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        (None, "application/x-npy"),
        ("*/*", "application/x-npy"),
        ("text/csv", "text/csv"),
        ("image/png", "image/png"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("application/*", "application/json"),
        ("image/png, image/jpeg", "image/png"),
    ],
)
def test_accept_is_one_content_type(client: Client, accept: str | None, given: str) -> None:
    headers = {"Accept": accept} if accept else {}
    assert plain(client(ECHO, accept="application/x-npy"), **headers)[3] == given


@pytest.mark.parametrize(
    ("returned", "content_type", "body"),
    [
        ("'text'", "application/json", b"text"),
        ("b'bytes'", "application/json", b"bytes"),
        ("bytearray(b'bytes')", "application/json", b"bytes"),
        ("('a,b', 'text/csv')", "text/csv", b"a,b"),
        ("({'a': [1, np.float32(0.1)]}, 'application/json')", "application/json", b'{"a":[1,0.1]}'),
        ("[1, 2]", "application/json", b"[1,2]"),
        ("np.array([1.5, 2])", "application/json", b"[1.5,2.0]"),
        ("(np.array([1.5, 2]), 'text/csv')", "text/csv", b"1.5\n2.0\n"),
        ("flask.Response('<p>', mimetype='text/html')", "text/html; charset=utf-8", b"<p>"),
    ],
)
def test_what_output_fn_may_return(client: Client, returned: str, content_type: str, body: bytes) -> None:
    script = f"import flask, numpy as np\ndef output_fn(prediction, accept): return {returned}\n"
    reply = post(client(script))
    assert (reply.status_code, reply.content_type, reply.get_data()) == (200, content_type, body)


@pytest.mark.parametrize(
    ("script", "rows"),
    [
        ("", 2),
        ("def input_fn(body, content_type): return [[100, 3], [190, 7]]", 2),
        ("def predict_fn(data, model): return [0.5] * 2", 2),
        ("def output_fn(prediction, accept): return str(prediction.tolist())", 2),
        ("def predict_fn(data, model): return {'a': 1}", 0),
        ("def predict_fn(data, model): return 0.5", 0),
        ("def transform_fn(model, body, content_type, accept): return body", 0),
    ],
)
def test_the_server_is_told_how_many_rows_were_predicted(client: Client, script: str, rows: int) -> None:
    with client(script) as asking:
        assert post(asking, b"100,3\n190,7").status_code == 200
        assert request.environ[ROWS] == rows


def test_a_response_keeps_its_status_and_headers(client: Client) -> None:
    script = """
        from flask import Response
        def output_fn(prediction, accept):
            return Response("try less", status=429, headers={"Retry-After": "7"}, content_type="text/plain")
    """
    reply = post(client(script))
    assert (reply.status_code, reply.get_data(), reply.headers["Retry-After"]) == (429, b"try less", "7")
    assert reply.headers.getlist("Content-Length") == ["8"]


def test_a_response_s_headers_repeat_and_say_nothing_of_the_connection(client: Client) -> None:
    script = """
        from flask import Response
        def output_fn(prediction, accept):
            response = Response("x", headers={"Connection": "upgrade", "X-Amzn-SageMaker-Custom-Attributes": "mine"})
            response.set_cookie("a", "1")
            response.set_cookie("b", "2")
            return response
    """
    reply = post(client(script), **{"X-Amzn-SageMaker-Custom-Attributes": "theirs"})
    assert reply.headers.getlist("Set-Cookie") == ["a=1; Path=/", "b=2; Path=/"]
    assert reply.headers.getlist("X-Amzn-SageMaker-Custom-Attributes") == ["mine"]
    assert "Connection" not in reply.headers


def test_a_response_s_body_may_be_made_later_and_its_end_is_told(client: Client) -> None:
    script = """
        import flask, io
        ended = []
        def transform_fn(model, body, content_type, accept):
            if body == "ended":
                return str(ended)
            whole, pieces = io.BytesIO(b"abc"), iter("abc")
            response = flask.send_file(whole, "text/csv") if body == "file" else flask.Response(pieces)
            response.call_on_close(lambda: ended.append(body))
            return response
    """
    made = client(script)
    assert post(made, b"pieces").get_data() == b"abc"
    reply = post(made, b"file")
    assert (reply.status_code, reply.mimetype, reply.get_data()) == (200, "text/csv", b"abc")
    assert post(made, b"ended").get_data() == b"['pieces', 'file']"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("later", "ValueError: no more"),
        (
            "surrogate",
            "UnicodeEncodeError: 'utf-8' codec can't encode character '\\ud800' in position 0: surrogates not",
        ),
        ("cancelled", "asyncio.exceptions.CancelledError"),
        ("interrupted", "KeyboardInterrupt"),
    ],
)
def test_whatever_a_hook_raises_and_whenever_it_is_the_script_s_fault(client: Client, body: str, message: str) -> None:
    script = """
        import asyncio, flask
        def later():
            yield "a"
            raise ValueError("no more")
        def transform_fn(model, body, content_type, accept):
            if body == "surrogate":
                return "\\ud800"
            if body == "cancelled":
                raise asyncio.CancelledError
            if body == "interrupted":
                raise KeyboardInterrupt
            return flask.Response(later())
    """
    reply = post(client(script), body.encode())
    assert reply.status_code == 500
    assert reply.get_json()["error"].startswith(f"transform_fn of inference.py failed: {message}")


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("None", "returned a NoneType; return text, bytes, a pair of either and its content type, or a Response"),
        ("{1: object()}", "returned what is no JSON: Type is not JSON serializable: object"),
    ],
)
def test_what_it_may_not_return_is_told(client: Client, returned: str, message: str) -> None:
    reply = post(client(f"def output_fn(prediction, accept): return {returned}"))
    assert reply.status_code == 500
    assert reply.get_json() == {"error": f"output_fn of inference.py {message}"}


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("flask.Response('x', status=0)", "the status 0; return one from 200 to 599"),
        ("flask.Response('x', status=100)", "the status 100; return one from 200 to 599"),
        (
            "('x', 'text/plain\\r\\nX: y')",
            r"'text/plain\r\nX: y' as Content-Type, which no header can hold; return printable Latin-1",
        ),
        ("('x', '中')", "'中' as Content-Type, which no header can hold; return printable Latin-1"),
        (
            "flask.Response('x', headers={'X-A': '中'})",
            "'中' as X-A, which no header can hold; return printable Latin-1",
        ),
        (
            "flask.Response('x', headers={'X A': 'b'})",
            "'X A' as a header's name, which holds letters, digits and hyphens",
        ),
    ],
)
def test_a_response_that_cannot_be_sent_is_the_script_s_fault(client: Client, returned: str, message: str) -> None:
    reply = post(client(f"import flask\ndef output_fn(prediction, accept): return {returned}\n"))
    assert reply.status_code == 500
    assert reply.get_json() == {"error": f"output_fn of inference.py returned {message}"}


def test_no_content_type_is_the_one_that_was_asked_for(client: Client) -> None:
    reply = post(client("def output_fn(prediction, accept): return 'x', None"), Accept="text/plain")
    assert (reply.content_type, reply.get_data()) == ("text/plain", b"x")


@pytest.mark.parametrize("model", ["approval", "houses", "sizes"])
def test_output_fn_gets_the_predictions_of_this_image(client: Client, model: str) -> None:
    seen = """
        def output_fn(prediction, accept):
            return repr((prediction.dtype.str, prediction.tolist())), "text/plain"
    """
    body = b"100,3,A,20,2020-01-01,true" if model == "houses" else b"100,3\n190,7"
    dtype, scores = plain(client(seen, model), body=body)
    rows = post(client("", model), body, Accept="application/json").get_json()["predictions"]
    assert dtype == "<f4"
    assert scores == np.array([row["score"] for row in rows], np.float32).tolist()


def test_input_fn_alone_changes_rows_and_nothing_else(client: Client) -> None:
    """What is asked for of the reply holds too: class names, keys, formats."""
    script = """
        import json, numpy as np, pandas as pd, scipy.sparse, xgboost
        def input_fn(body, content_type):
            rows = json.loads(body)["rows"]
            return {
                "list": lambda: rows,
                "row": lambda: rows[0],
                "array": lambda: np.array(rows),
                "frame": lambda: pd.DataFrame(rows, columns=["area", "rooms"])[["rooms", "area"]],
                "sparse": lambda: scipy.sparse.csc_matrix(np.array(rows)),
                "matrix": lambda: xgboost.DMatrix(np.array(rows)),
            }[json.loads(body)["as"]]()
    """
    scripted, own = client(script), client("", output=())
    expected = post(own).get_data()
    for kind in ("list", "row", "array", "frame", "sparse", "matrix"):
        body = json.dumps({"as": kind, "rows": [[100, 3]]}).encode()
        reply = post(scripted, body, "application/x-mine")
        assert (reply.status_code, reply.content_type, reply.get_data()) == (200, "text/csv", expected), kind
    attributes = {"X-Amzn-SageMaker-Custom-Attributes": "output=contributions", "Accept": "application/json"}
    (row,) = post(scripted, body, "application/x-mine", **attributes).get_json()["predictions"]
    assert list(row["contributions"]) == ["area", "rooms", "bias"]


def test_a_frame_s_categories_are_those_of_the_model(client: Client) -> None:
    script = """
        import io, pandas as pd
        def input_fn(body, content_type):
            return pd.read_csv(io.StringIO(body))
    """
    body = b"rooms,area,zone,class,sold,garage\n3,100,A,20,2020-01-01,true\n"
    assert post(client(script, "houses"), body).get_data() == b"215981.4"
    reply = post(client(script, "houses"), b"rooms\n3\n")
    assert reply.status_code == 400
    assert reply.get_json()["error"].startswith("missing columns: 'area', 'zone'")


@pytest.mark.parametrize(
    ("returned", "status", "message"),
    [
        ("[[1, 2, 3]]", 400, "input_fn returned the shape (1, 3); the model takes rows of 2 values"),
        ("[]", 400, "input_fn returned the shape (1, 0); the model takes rows of 2 values"),
        ("'abc'", 500, "input_fn of inference.py returned a str, which is no table of numbers; return a DMatrix, "),
        ("None", 500, "input_fn of inference.py returned a NoneType, which is no table of numbers; return a DMatrix"),
    ],
)
def test_rows_that_do_not_fit(client: Client, returned: str, status: int, message: str) -> None:
    reply = post(client(f"def input_fn(body, content_type): return {returned}"))
    assert reply.status_code == status
    assert reply.get_json()["error"].startswith(message)


def test_columns_in_another_order_than_those_of_model_fn_s_booster_are_refused(client: Client) -> None:
    script = f"""
        import xgboost
        def model_fn(folder):
            return xgboost.Booster({{"nthread": 1}}, model_file="{MODELS / "approval.ubj"}")
        def input_fn(body, content_type):
            row = [float(cell) for cell in body.decode().split(",")]
            return xgboost.DMatrix([row], feature_names=content_type.split("-"))
    """
    made = client(script, None)
    assert post(made, b"3,100", "rooms-area").get_json() == {
        "error": "input_fn of inference.py returned the model's columns in another order, 'rooms', 'area'; "
        "return 'area', 'rooms'"
    }
    assert post(made, b"100,3", "area-rooms").get_data() == post(made, b"100,3", "a-b").get_data() == b"[0.45347622]"


def test_predict_fn_gets_a_dmatrix_and_the_booster(client: Client) -> None:
    script = """
        def predict_fn(data, model):
            assert data.feature_types == model.feature_types, data.feature_types
            return model.predict(data)
    """
    for model, body, expected in (
        ("approval", b"100,3\n190,7\n", [0.45347622, 0.90997005]),
        ("houses", b"100,3,A,20,2020-01-01,true", [215981.4]),
    ):
        assert post(client(script, model), body).get_json() == expected
    assert post(client(script), b"100,3\n190,7\n", Accept="text/csv").get_data() == b"0.45347622\n0.90997005\n"
    assert post(client(script), b"100,3", Accept="text/csv").get_data() == b"0.45347622\n"


@pytest.mark.parametrize(
    ("returned", "json_text", "csv_text"),
    [
        ("np.array([0.5, 0.25], np.float32)", b"[0.5,0.25]", b"0.5\n0.25\n"),
        ("np.array([[0.5, 0.25]])", b"[[0.5,0.25]]", b"0.5,0.25\n"),
        ("[1, 2]", b"[1,2]", b"1\n2\n"),
        ("3", b"3", b"3\n"),
        ("np.array(['yes', 'no, thanks'])", b'["yes","no, thanks"]', b'yes\n"no, thanks"\n'),
        ("np.array([True, False])", b"[true,false]", b"True\nFalse\n"),
        ("{'predictions': [0.5]}", b'{"predictions":[0.5]}', None),
        ("[{'a': 1}]", b'[{"a":1}]', None),
    ],
)
def test_predictions_of_predict_fn_are_written_as_in_aws_s_image(
    client: Client, returned: str, json_text: bytes, csv_text: bytes | None
) -> None:
    made = client(f"import numpy as np\ndef predict_fn(data, model): return {returned}")
    assert post(made).get_data() == json_text
    reply = post(made, Accept="text/csv")
    if csv_text is None:
        message = "a prediction that is dict cannot be written as text/csv; write it in output_fn"
        assert (reply.status_code, reply.get_json()) == (500, {"error": message})
    else:
        assert (reply.content_type, reply.get_data()) == ("text/csv", csv_text)


def test_more_formats_of_predictions(client: Client) -> None:
    script = "import numpy as np\ndef predict_fn(data, model): return np.array([0.5, 0.25])"
    assert post(client(script), Accept="application/jsonlines").get_data() == b'{"score":0.5}\n{"score":0.25}'
    made = client(script, batch=True)
    assert post(made, Accept="text/csv").get_data() == b"0.5\n0.25\n"
    assert post(made, Accept="application/jsonlines").get_data() == b'{"score":0.5}\n{"score":0.25}\n'
    npy = post(made, Accept="application/x-npy")
    assert npy.content_type == "application/x-npy"
    assert npy.get_data().startswith(b"\x93NUMPY")
    for accept in ("application/x-parquet", "application/x-recordio-protobuf"):
        assert post(made, Accept=accept).status_code == 200
    assert post(made, Accept="image/png").status_code == 406


def test_a_prediction_that_its_format_cannot_hold_is_the_script_s_fault(client: Client) -> None:
    reply = post(client("def predict_fn(data, model): return {'a': 1}"), Accept="application/x-npy")
    message = "a prediction that is dict cannot be written as application/x-npy; write it in output_fn"
    assert (reply.status_code, reply.get_json()) == (500, {"error": message})


@pytest.mark.parametrize("module", ["sagemaker_containers.beta.framework.encoders", "sagemaker_inference.encoder"])
def test_csv_that_a_script_encodes_can_be_joined_in_batch_transform(client: Client, module: str) -> None:
    script = f"""
        from {module} import encode
        def output_fn(prediction, accept):
            return encode(prediction, accept), accept
    """
    reply = post(client(script, batch=True), b"100,3\n190,7", Accept="text/csv")
    assert reply.get_data() == b"0.45347622\n0.90997005\n"


def test_default_input_of_models_from_model_fn(client: Client) -> None:
    """By the names in the booster, by those that a scikit-learn wrapper's has, or by position where it has none."""
    booster = """
        import xgboost
        def model_fn(folder):
            return xgboost.Booster(model_file=folder + "/approval.ubj")
    """
    made = client(booster, None)
    assert post(made, b"rooms,area\n3,100", Accept="text/csv").get_data() == b"0.45347622\n"
    assert post(made, b'[{"rooms": 3, "area": 100}]', "application/json").get_json() == [pytest.approx(0.45347622)]
    assert post(made, b"many,3").status_code == 400
    anything = """
        class Model:
            def predict(self, data):
                return [data.num_row(), data.num_col()]
        def model_fn(folder):
            return Model()
    """
    made = client(anything, None)
    assert post(made, b"1,2,3\n4,5,6").get_json() == [2, 3]
    assert post(made, b"1;2;3;4").get_json() == [1, 4]
    assert post(made, b"0:1 4:2", "text/libsvm").get_json() == [1, 5]
    assert post(made, b"[[1, 2]]", "application/json").get_json() == [1, 2]
    reply = post(made, b"1,x,3")
    assert reply.status_code == 400
    assert reply.get_json()["error"].startswith("'x' is not a number (line 1, column 'f1')")


def test_scikit_learn_s_wrapper_is_an_xgboost_model(client: Client) -> None:
    script = """
        import numpy as np, xgboost
        def model_fn(folder):
            return xgboost.XGBRegressor(n_estimators=2, n_jobs=1).fit(np.arange(20).reshape(10, 2), np.arange(10))
    """
    made = client(script, None)
    model = xgboost.XGBRegressor(n_estimators=2, n_jobs=1).fit(np.arange(20).reshape(10, 2), np.arange(10))
    expected = model.predict(np.array([[4, 5]])).tolist()
    assert post(made, b"4,5").get_json() == pytest.approx(expected)


def test_errors_of_the_user_s_code(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    reply = post(client("def predict_fn(data, model):\n    return {}['area']"))
    assert reply.status_code == 500
    assert reply.get_json() == {"error": "predict_fn of inference.py failed: KeyError: 'area'"}
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "return {}['area']" in logging.Formatter().format(record)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ("import flask; flask.abort(422, 'three columns, please')", 422, "three columns, please"),
        ("from container.errors import UserError; raise UserError('a; b')", 400, "a; b"),
        ("raise sys.exit('no')", 500, "input_fn of inference.py failed: SystemExit: no"),
        ("raise ValueError('two\\nlines')", 500, "input_fn of inference.py failed: ValueError: two lines"),
        (
            "raise FormatError('text/x')",
            415,
            "input_fn of inference.py failed: text/x",
        ),
    ],
)
def test_errors_with_a_status_of_their_own(client: Client, body: str, status: int, message: str) -> None:
    script = (
        "import sys\nclass BaseInferenceToolkitError(Exception):\n    status_code = 415\n"
        "class FormatError(BaseInferenceToolkitError):\n    message = 'text/x'\n"
        f"def input_fn(body, content_type):\n    {body}"
    )
    reply = post(client(script))
    assert (reply.status_code, reply.get_json()) == (status, {"error": message})


def test_without_hooks_the_model_s_own_service_answers(client: Client) -> None:
    assert post(client("LIMIT = 3")).get_data() == b'"no, thanks",0.45347622'


def test_a_script_may_read_with_this_image_s_readers(client: Client) -> None:
    script = """
        from container.data.formats import ContentType, read_request
        from container.data.schema import Schema
        def transform_fn(model, body, content_type, accept):
            table = read_request(body.encode(), ContentType.parse(content_type), Schema.from_names(2))
            return f"{table.rows} rows", "text/plain"
    """
    assert post(client(script), b"1,2\n3,4").get_data() == b"2 rows"


def test_a_name_that_is_no_function(client: Client) -> None:
    with pytest.raises(UserError, match=r"predict_fn of inference\.py cannot be called: 3 is not a callable object"):
        client("predict_fn = 3")


def test_arguments_may_have_defaults(client: Client) -> None:
    script = "def transform_fn(model, body, content_type='a', accept='b', *, more=1): return accept, 'text/plain'"
    assert post(client(script), Accept="text/csv").get_data() == b"text/csv"
