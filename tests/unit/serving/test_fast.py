"""What is answered without Flask is what Flask answers: status, headers and every byte of the body."""

import dataclasses
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from container.contract.serving_env import ServingSettings
from container.model import artifact
from container.model.predictor import Predictor
from container.serving.app import create_app
from container.serving.fast import Fast, FastPath, Reply
from container.serving.service import ModelService
from tests.golden import cases, many
from tests.golden.cases import Case

pytest.importorskip("_xgboost_serving", reason="the compiled core is not installed; make venv installs it")

_ALL = [case for path in cases.files() for case in cases.read(path)]
_HOST = ("HOST", "127.0.0.1:8080")


def load(name: str, *, native: bool = True) -> Predictor:
    return Predictor(artifact.load(cases.FOLDER / "models" / f"{name}.ubj"), native=native)


def fast_reply(fast: Fast, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> Reply | None:
    named = [(name.upper(), value) for name, value in headers]
    handler = fast.handler(method, path, [_HOST, *named, ("CONTENT-LENGTH", str(len(body)))])
    return handler and handler(body)


def replayed(case: Case) -> str | None:
    """The reply to a golden case as its file shows it; None where it is left to the application."""
    model, *setup = case.setup.split()
    chosen = ServingSettings.from_env(dict(s.split("=", 1) for s in setup))
    if model.startswith(many.PREFIX):
        with many.loaded(model, chosen) as found:
            return _replayed(case, found.fast)
    return _replayed(case, FastPath(cases._predictor(model), chosen))


def _replayed(case: Case, fast: Fast) -> str | None:
    line, *headers = case.request.partition("\n\n")[0].split("\n")
    method, path = line.split(" ")
    reply = fast_reply(fast, method, path, [tuple(h.split(": ", 1)) for h in headers], case.body())
    if reply is None:
        return None
    return f"200\nContent-Type: {reply.content_type}\n\n{cases._shown(reply.body)}".rstrip("\n")


@pytest.mark.filterwarnings("ignore:.*`booster=gblinear` is deprecated")
@pytest.mark.parametrize("case", _ALL, ids=str)
def test_golden(case: Case) -> None:
    assert replayed(case) in (None, case.reply)


@pytest.mark.filterwarnings("ignore:.*`booster=gblinear` is deprecated")
def test_golden_cases_are_among_those_answered() -> None:
    answered = [case.setup for case in _ALL if replayed(case) is not None]
    assert len(answered) > 20
    assert any(setup.startswith(many.PREFIX) for setup in answered)


_CELLS = st.sampled_from([b"", b" ", b"1", b"-0", b"100", b"3.5", b"1e-3", b"+7", b"0x1", b"nan", b"inf", b'"3"', b"a"])
_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n", b""])
_ROWS = st.lists(st.tuples(st.lists(_CELLS, min_size=1, max_size=4).map(b",".join), _ENDS), max_size=4)
_BODIES = st.binary(max_size=12) | _ROWS.map(lambda rows: b"".join(row + end for row, end in rows))
_NUMBERS = st.lists(st.tuples(st.floats(width=32, allow_nan=False), st.floats()), min_size=1, max_size=5).map(
    lambda rows: "\n".join(f"{a},{b}" for a, b in rows).encode()
)


_VALUES = (
    st.sampled_from(
        [100, 3, 2.5, "A", "B", "unseen", 20, "20", "2020-01-01", True, None, "true", "", [1], {"a": 1}, 1e300]
    )
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**70), 2**70)
)
_NAMES = ("area", "rooms", "zone", "class", "sold", "garage")
_RECORDS = st.lists(st.fixed_dictionaries(dict.fromkeys(_NAMES, _VALUES), optional={"id": _VALUES}), max_size=3)
_LISTS = st.lists(st.lists(_VALUES, min_size=1, max_size=6), max_size=3)
_HOUSE = st.tuples(
    st.sampled_from([100, 5.5, None]),
    st.integers(1, 5),
    st.sampled_from("ABC"),
    st.sampled_from([20, 60, "20", None]),
    st.sampled_from(["2020-01-01", None]),
    st.booleans(),
)
_HOUSES = st.lists(_HOUSE.map(list) | _HOUSE.map(lambda row: dict(zip(_NAMES, row, strict=True))), max_size=3)
_JSON = st.one_of(_RECORDS, _LISTS, _HOUSES).flatmap(
    lambda rows: st.sampled_from(
        [
            json.dumps(rows),
            json.dumps({"instances": rows}),
            "\n".join(map(json.dumps, rows)),
            json.dumps(rows[0]) if rows else "",
        ]
    ).map(str.encode)
)


@pytest.fixture(scope="module", params=["approval", "sizes", "counts", "quantiles", "targets", "houses"])
def predictor(request: pytest.FixtureRequest) -> Predictor:
    return load(request.param)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=_BODIES | _NUMBERS | _JSON,
    content_type=st.sampled_from(
        [
            None,
            "text/csv",
            "text/csv; charset=utf-8",
            "csv",
            "text/csv; header=present",
            "application/json",
            "application/jsonlines",
        ]
    ),
    accept=st.sampled_from([None, "*/*", "application/json", "text/csv;q=0.1, application/jsonlines", "image/png"]),
    batch=st.booleans(),
)
def test_any_request_gets_the_same_reply(
    predictor: Predictor, body: bytes, content_type: str | None, accept: str | None, batch: bool
) -> None:
    chosen = ServingSettings(workers=1, batch=batch)
    headers = [(n, v) for n, v in [("Content-Type", content_type), ("Accept", accept)] if v is not None]
    reply = fast_reply(FastPath(predictor, chosen), "POST", "/invocations", headers, body)
    if reply is None:
        return
    flask = (
        create_app(ModelService(predictor, chosen), chosen)
        .test_client()
        .post("/invocations", data=body, headers=headers)
    )
    assert flask.status_code == 200
    assert sorted(flask.headers) == [("Content-Length", str(len(reply.body))), ("Content-Type", reply.content_type)]
    assert flask.get_data() == reply.body


FAST = FastPath(load("approval"), ServingSettings(workers=1))


HOUSES = FastPath(load("houses"), ServingSettings(workers=1))
HOUSE = {"area": 100, "rooms": 3, "zone": "A", "class": 20, "sold": "2020-01-01", "garage": True}


def ask(fast: Fast, content_type: str, body: bytes) -> Reply | None:
    return fast_reply(fast, "POST", "/invocations", [("Content-Type", content_type)], body)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", json.dumps({"instances": [HOUSE]}).encode()),
        ("application/json", json.dumps([[*HOUSE.values()]]).encode()),
        ("application/jsonlines", json.dumps(HOUSE).encode()),
        ("text/csv", b"100,3,A,20,2020-01-01,true"),
        ("text/csv", b"zone,area,rooms,class,sold,garage\nA,100,3,20,2020-01-01,true\n"),
    ],
)
def test_small_requests_of_any_columns_are_answered(content_type: str, body: bytes) -> None:
    reply = ask(HOUSES, content_type, body)
    assert reply is not None
    assert (reply.body, reply.rows) == (b"215981.4", 1)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param("application/json", json.dumps([HOUSE | {"zone": "Z"}]).encode(), id="an unseen category"),
        pytest.param("application/json", b"[]", id="no rows"),
        pytest.param("application/json", json.dumps([HOUSE] * 50).encode(), id="many cells"),
        pytest.param("application/jsonlines", b'{"a":1}\n' * 300, id="many lines"),
        pytest.param("application/json", json.dumps([HOUSE | {"note": "x" * 4096}]).encode(), id="many bytes"),
        pytest.param("text/libsvm", b"0:1", id="sparse"),
        pytest.param("application/json", b"[[1]]", id="an error"),
    ],
)
def test_what_is_large_or_has_to_be_said_is_left_to_the_application(content_type: str, body: bytes) -> None:
    assert ask(HOUSES, content_type, body) is None


def test_records_that_a_feature_group_may_complete_are_left_to_the_application() -> None:
    chosen = ServingSettings(workers=1, feature_group="houses")
    body = json.dumps([HOUSE | {"record_id": "17"}]).encode()
    assert ask(FastPath(load("houses"), chosen), "application/json", body) is None
    assert ask(HOUSES, "application/json", body) is not None


@pytest.mark.parametrize("accept", [None, "*/*", "application/json"])
def test_the_usual_request_is_answered(accept: str | None) -> None:
    headers = [("Content-Type", "text/csv"), ("User-Agent", "x"), ("X-Amz-Date", "y")] + [("Accept", accept)] * bool(
        accept
    )
    assert fast_reply(FAST, "POST", "/invocations", headers, b"100,3") is not None
    assert fast_reply(FAST, "GET", "/ping", [], b"") == Reply("text/plain", b"")


@pytest.mark.parametrize(
    "headers",
    [
        [("X-Amzn-SageMaker-Custom-Attributes", "a=b")],
        [("Content-Encoding", "gzip")],
        [("Accept", "image/png")],
        [("Content-Type", "application/xml")],
        [("Accept", "text/csv"), ("Accept", "application/json")],
        [("Expect", "100-continue")],
    ],
    ids=str,
)
def test_what_is_out_of_the_ordinary_is_left_to_the_application(headers: list[tuple[str, str]]) -> None:
    assert fast_reply(FAST, "POST", "/invocations", headers, b"100,3") is None


def test_other_routes_methods_and_hosts_are_left_to_the_application() -> None:
    for method, target in [("GET", "/execution-parameters"), ("HEAD", "/ping"), ("GET", "/ping?x"), ("GET", "/")]:
        assert FAST.handler(method, target, [_HOST]) is None
    assert FAST.handler("GET", "/ping", []) is None
    assert FAST.handler("GET", "/ping", [("HOST", "a b")]) is None


@pytest.mark.parametrize(
    "special", [{"native": False}, {"output": ("predicted_label",)}, {"placeholders": True}, {"max_content_length": 3}]
)
def test_special_settings_are_left_to_the_application(special: dict[str, object]) -> None:
    fast = FastPath(FAST._predictor, dataclasses.replace(ServingSettings(workers=1), **special))
    assert fast_reply(fast, "POST", "/invocations", [], b"100,3") is None


def test_a_model_that_xgboost_predicts_with_is_left_to_the_application() -> None:
    fast = FastPath(load("approval", native=False), ServingSettings(workers=1))
    assert fast_reply(fast, "POST", "/invocations", [], b"100,3") is None


def test_much_work_is_left_to_the_application() -> None:
    assert fast_reply(FAST, "POST", "/invocations", [], b"100,3\n" * 100) is not None
    assert fast_reply(FAST, "POST", "/invocations", [], b"100,3\n" * 60_000) is None


def test_only_pings_where_there_is_no_model_or_code_of_the_user_s_answers() -> None:
    told = FastPath(load("approval"), ServingSettings())
    assert fast_reply(told, "POST", "/invocations", [], b"100,3") is not None
    told.only_pings()
    for fast in (told, FastPath(None, ServingSettings(default_accept="application/x-npy"))):
        assert fast_reply(fast, "POST", "/invocations", [], b"100,3") is None
        assert fast_reply(fast, "GET", "/ping", [], b"") == Reply("text/plain", b"")
