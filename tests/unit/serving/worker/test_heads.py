"""What the loop is to do with a request, by its head."""

import pytest
from gunicorn.config import Config

from container.serving.worker.heads import AT_ONCE, Heads, Plan, may_begin

CLIENT = ("127.0.0.1", 1)


class Fast:
    """In the place of `FastPath`: answers all."""

    asked = 0

    def handler(self, method: str, target: str, headers: object) -> object:
        self.asked += 1
        return len


def plan(text: str, fast: Fast | None = None) -> Plan:
    head = text.replace("\n", "\r\n").encode() + b"\r\n\r\n"
    return Heads(Config(), fast).plan(head, CLIENT)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("head", "length", "closes", "continues"),
    [
        pytest.param("POST /invocations HTTP/1.1\nHost: a\nContent-Length: 7", 7, False, False, id="length"),
        pytest.param("POST /a HTTP/1.1\nHost: a\nTransfer-Encoding: chunked", None, False, False, id="chunked"),
        pytest.param("POST /a HTTP/1.0\nContent-Length: 7", 7, True, False, id="http-1.0"),
        pytest.param("GET /a HTTP/1.1\nHost: a\nConnection: close", 0, True, False, id="close"),
        pytest.param("POST /a HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 9", 9, False, True, id="expect"),
    ],
)
def test_a_plan_has_what_to_wait_for(head: str, length: int | None, closes: bool, continues: bool) -> None:
    found = plan(head, Fast())
    assert (found.length, found.closes, found.continues) == (length, closes, continues)
    assert (found.handler is None) == (closes or continues or length is None)


@pytest.mark.parametrize(
    "head",
    [
        "POST /a HTTP/1.1\nHost: a\nContent-Length: 1\nContent-Length: 2",
        "POST /a HTTP/1.1\nHost: a\nUpgrade: h2c",
        "GET /a HTTP/1.1\nHost: a\nX: " + "x" * 9000,
        "HELLO",
    ],
)
def test_what_is_odd_goes_to_a_thread_at_once(head: str) -> None:
    assert plan(head, Fast()) is AT_ONCE


def test_where_the_sender_matters_nothing_is_remembered() -> None:
    fast = Fast()
    heads = Heads(Config(), fast)  # type: ignore[arg-type]
    for _ in range(3):
        assert heads.plan(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n", CLIENT).handler is len
        assert heads.plan(b"GET /ping HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: b\r\n\r\n", CLIENT).handler is None
    assert fast.asked == 1


def test_an_id_that_is_new_with_every_request_is_no_new_head() -> None:
    fast = Fast()
    heads = Heads(Config(), fast)  # type: ignore[arg-type]
    for number in range(5):
        head = (
            f"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\nX-Amzn-RequestId: r{number}\r\n"
            f"x-amzn-sagemaker-inference-id: {number}{'i' * 80}\r\ntraceparent: 00-{number}-01\r\n\r\n"
        ).encode()
        found = heads.plan(head, CLIENT)
        assert found == Heads(Config(), Fast()).plan(head, CLIENT)  # type: ignore[arg-type]
        assert found.request_id == f"{number}{'i' * 63}"
        assert found.handler is len
    assert fast.asked == 1


@pytest.mark.parametrize(
    "headers",
    [
        "",
        "X-Amzn-RequestId: r",
        "X-Amzn-RequestId: ~0",
        "X-Amzn-RequestId:r",
        "X-Amzn-RequestId: r\nX-Amzn-RequestId: s",
        "X-Amzn-RequestId: ~1\nX-Amzn-SageMaker-Inference-Id: é",
        "X-Amzn-SageMaker-Inference-Id: a b\nX-Amzn-RequestId: r",
        "X-Amzn-Trace-Id: Root=1-5\nX-Amzn-SageMaker-Inference-Id: i",
        "\n".join(f"X-Amzn-RequestId: {number}" for number in range(9)),
        "X-Amzn-RequestId: r\nContent-Length: 1\nContent-Length: 2",
        "X-Amzn-RequestId: r\nX_Amzn: a",
    ],
)
def test_a_head_is_read_the_same_whatever_was_read_before(headers: str) -> None:
    heads = Heads(Config(), Fast())  # type: ignore[arg-type]
    for other in ("X-Amzn-RequestId: other", "X-Amzn-SageMaker-Inference-Id: other", "X-Amzn-RequestId: ~0", headers):
        text = "\n".join(filter(None, ["GET /ping HTTP/1.1", "Host: a", other]))
        head = text.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n"
        assert heads.plan(head, CLIENT) == Heads(Config(), Fast()).plan(head, CLIENT)  # type: ignore[arg-type]


def test_a_model_s_name_is_no_header() -> None:
    fast = Fast()
    heads = Heads(Config(), fast)  # type: ignore[arg-type]
    for _ in range(3):
        assert heads.plan(b"POST /models/my_model/invoke HTTP/1.1\r\nHost: a\r\n\r\n", CLIENT).handler is len
    assert fast.asked == 1


@pytest.mark.parametrize(
    ("request_line", "refusable"),
    [
        ("POST /invocations", True),
        ("POST /models/a.b%20c/invoke", True),
        ("POST /models", False),
        ("GET /ping", False),
        ("GET /invocations", False),
    ],
)
def test_what_asks_how_the_server_fares_is_not_refused(request_line: str, refusable: bool) -> None:
    assert plan(f"{request_line} HTTP/1.1\nHost: a").refusable == refusable


@pytest.mark.parametrize("beginning", [b"G", b"GET /a", b"GET /a HTTP/1.1\r\nHost: a", b"PUT /a?b HTTP/1.1\r\n"])
def test_a_beginning_is_waited_for(beginning: bytes) -> None:
    assert may_begin(beginning)


@pytest.mark.parametrize("beginning", [b"get", b"GET /a HTTP/1.1\nH", b"GET /a HTTP/9.9\r\n", b"G" * 9000, b"\r\n"])
def test_a_broken_beginning_is_not(beginning: bytes) -> None:
    assert not may_begin(beginning)
