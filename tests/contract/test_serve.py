"""`serve` as SageMaker runs it: one process to start, to ask and to stop."""

import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.support.processes import free_port
from tests.support.serving import MODELS, ROOT, Served, serving, started

ROW = b"100,3"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    settings = {"SAGEMAKER_MAX_PAYLOAD_IN_MB": "8", "OMP_NUM_THREADS": "4"}  # threads that would hang after the fork
    with serving(tmp_path_factory.mktemp("base") / "ml", "approval", **settings) as server:
        yield server


def test_it_answers_what_sagemaker_asks(served: Served) -> None:
    ping = served.request("GET", "/ping")
    assert (ping.status, ping.body) == (200, b"")
    parameters = json.loads(served.request("GET", "/execution-parameters").body)
    assert parameters == {"MaxConcurrentTransforms": 2, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 8}
    reply = served.predict(ROW)
    assert (reply.status, reply.headers["Content-Type"], reply.body) == (200, "text/csv", b'"no, thanks",0.45347622')


def test_healthy_traffic_leaves_no_line_in_the_log(served: Served) -> None:
    before = served.log.read_text()
    for _ in range(20):
        served.request("GET", "/ping")
        served.predict(ROW)
    assert served.log.read_text() == before


def test_the_model_is_loaded_once_and_its_process_says_so(served: Served) -> None:
    lines = served.log.read_text().splitlines()
    assert lines[0] == "serving xgboost-model: binary:logistic, 2 features"
    assert lines[1] == f"listening on port {served.port} with 2 workers of 32 threads"
    wait_for(lambda: len(served.workers()) == 2)


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_many_requests_at_once_get_their_own_answers_from_workers_that_were_forked(served: Served) -> None:
    rows = [f"{area},{rooms}".encode() for area in range(40, 200, 8) for rooms in range(1, 8)]
    expected = served.predict(b"\n".join(rows)).body.split(b"\n")
    with ThreadPoolExecutor(24) as pool:
        replies = list(pool.map(served.predict, rows * 4))
    assert [reply.body for reply in replies] == expected * 4


def test_ping_is_answered_while_large_requests_are_worked_on(served: Served) -> None:
    large = b"\n".join([b'100,"3"'] * 200_000)
    with ThreadPoolExecutor(24) as pool:
        requests = [pool.submit(served.predict, large) for _ in range(24)]
        slowest = 0.0
        while not all(request.done() for request in requests):
            start = time.monotonic()
            assert served.request("GET", "/ping").status == 200
            slowest = max(slowest, time.monotonic() - start)
    assert [request.result().body.count(b"\n") for request in requests] == [199_999] * 24
    assert 0 < slowest < 2  # SageMaker's limit for /ping


def test_a_connection_carries_several_requests_also_after_an_error(served: Served) -> None:
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=30)) as connection:
        for body, status in ((ROW, 200), (b"many,3", 400), (b"1," * 100_000, 400), (ROW, 200)):
            connection.request("POST", "/invocations", body, {"Content-Type": "text/csv"})
            reply = connection.getresponse()
            assert (reply.status, bool(reply.read())) == (status, True)
            assert reply.getheader("Connection") == "keep-alive"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(b"HELLO\r\n\r\n", 400, id="no-http"),
        pytest.param(b"POST /invocations HTTP/1.1\r\nContent-Length: nine\r\n\r\n1,2", 400, id="length-no-number"),
        pytest.param(b"POST /invocations HTTP/1.1\r\nContent-Length: -1\r\n\r\n1,2", 400, id="length-negative"),
        pytest.param(b"POST /invocations HTTP/1.1\r\nContent-Length: 9\r\n\r\n1,2", 400, id="cut-short"),
        pytest.param(
            b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n100", 400, id="chunk-cut-short"
        ),
        pytest.param(
            b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n1,2", 400, id="chunk-broken"
        ),
        pytest.param(
            b"POST /invocations HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n1,2", 413, id="declared-too-large"
        ),
        pytest.param(b"GET /ping HTTP/1.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431, id="header-too-large"),
        pytest.param(b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", 414, id="path-too-long"),
    ],
)
def test_a_broken_request_is_answered_with_one_line_of_json(served: Served, request_bytes: bytes, status: int) -> None:
    head, _, body = served.exchange(request_bytes).partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    assert b"Content-Type: application/json" in head
    assert list(json.loads(body)) == ["error"]
    assert b"\n" not in body
    assert served.request("GET", "/ping").status == 200


def test_a_chunked_body_is_read(served: Served) -> None:
    reply = served.exchange(
        b"POST /invocations HTTP/1.1\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n"
        b"Connection: close\r\n\r\n2\r\n10\r\n3\r\n0,3\r\n0\r\n\r\n"
    )
    assert reply.endswith(b'\r\n\r\n"no, thanks",0.45347622')


@pytest.mark.parametrize(
    ("path", "headers", "status", "message"),
    [
        ("/invocations", {}, 413, "the request body has 10,000,000 bytes, and 8,388,608 is the limit"),
        ("/invocations", {"Accept": "image/png"}, 406, "cannot answer in 'image/png'"),
        ("/invocation", {}, 404, "there is no /invocation"),
    ],
)
def test_a_refusal_reaches_a_caller_that_sends_all_before_it_reads(
    served: Served, path: str, headers: dict[str, str], status: int, message: str
) -> None:
    reply = served.request("POST", path, b"1,2\n" * 2_500_000, headers)
    assert reply.status == status
    assert message in json.loads(reply.body)["error"]


def test_a_worker_that_dies_is_replaced_while_the_other_answers(served: Served) -> None:
    victim, other = served.workers()
    os.kill(victim, signal.SIGKILL)

    def replaced() -> bool:
        assert served.predict(ROW).status == 200
        return len(served.workers()) == 2 and victim not in served.workers()

    wait_for(replaced)
    assert other in served.workers()
    assert served.predict(ROW).status == 200


def test_sigterm_finishes_what_is_in_flight_and_exits_0(tmp_path: Path) -> None:
    with serving(tmp_path / "ml", "approval") as server, server.connect() as connection:
        connection.sendall(b"POST /invocations HTTP/1.1\r\nContent-Type: text/csv\r\nContent-Length: 5\r\n\r\n10")
        time.sleep(0.5)  # the worker has it, and waits for the rest
        start = time.monotonic()
        server.process.terminate()
        time.sleep(1)
        connection.sendall(b"0,3")
        reply = b"".join(iter(lambda: connection.recv(65536), b""))
        assert reply.startswith(b"HTTP/1.1 200 OK")
        assert reply.endswith(b'"no, thanks",0.45347622')
        assert server.process.wait(25) == 0
        assert time.monotonic() - start < 10
        assert server.log.read_text().splitlines()[-1] == "stopped"


def test_sigterm_does_not_wait_for_idle_connections(tmp_path: Path) -> None:
    with serving(tmp_path / "ml", "approval") as server, server.connect():
        start = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - start < 10


def test_a_request_that_never_ends_does_not_keep_it_from_stopping_in_time(tmp_path: Path) -> None:
    with serving(tmp_path / "ml", "approval") as server, server.connect() as connection:
        connection.sendall(b"POST /invocations HTTP/1.1\r\nContent-Length: 5\r\n\r\n10")
        time.sleep(0.5)
        assert server.stop(25) == 0


def test_sigterm_is_heard_while_the_model_is_loaded(tmp_path: Path) -> None:
    model = tmp_path / "ml" / "model" / "xgboost-model"
    model.parent.mkdir(parents=True)
    os.mkfifo(model)
    with started(tmp_path / "ml", tmp_path / "log") as process, model.open("wb"):  # opens once the server reads
        process.terminate()
        assert process.wait(25) == 0


_SLOW_TO_BEGIN = """
import sys, time
from container.contract.serving_env import ServingSettings
from container.serving.server import Server, options

def begins(arbiter, worker):
    print("begins", flush=True)
    time.sleep(2)

Server(None, options(ServingSettings(port=int(sys.argv[1]), workers=2)) | {"post_fork": begins}).run()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_heard_while_workers_begin(number: int) -> None:
    """Between the fork and a worker's own handlers."""
    command = [sys.executable, "-c", _SLOW_TO_BEGIN, str(free_port())]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begins\n"
        time.sleep(0.2)
        start = time.monotonic()
        process.send_signal(number)
        assert process.wait(30) == 0
        assert time.monotonic() - start < 10


def test_it_leaves_nothing_behind(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with serving(tmp_path / "ml", "approval", HOME=str(home)) as server:
        assert server.predict(ROW).status == 200
        assert list(home.iterdir()) == []
        assert [path.name for path in (tmp_path / "ml").iterdir()] == ["model"]
    assert [path.name for path in (tmp_path / "ml").rglob("*")] == ["model", "xgboost-model"]


class Payload:
    """Unpickled, it would end the process with another exit code."""

    def __reduce__(self) -> tuple[object, ...]:
        return (os._exit, (3,))


GOOD = (MODELS / "approval.ubj").read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "there is no model file", id="missing"),
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(GOOD[: len(GOOD) // 2], "is damaged", id="damaged"),
        pytest.param(pickle.dumps(Payload()), "is a pickle, which would run code when loaded", id="pickled"),
        pytest.param(b"binf" + bytes(200), "one in the old binary format is converted", id="old-binary"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line_and_the_exit_code(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    (tmp_path / "model").mkdir()
    if content is not None:
        (tmp_path / "model" / "xgboost-model").write_bytes(content)
    with started(tmp_path, tmp_path / "log") as process:
        assert process.wait(60) == 1
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert line.startswith("ERROR: ")
    assert message in line
    assert "xgboost-model" in line


def test_settings_that_cannot_be_are_named(tmp_path: Path) -> None:
    with started(tmp_path, tmp_path / "log", SAGEMAKER_BIND_TO_PORT="99999") as process:
        assert process.wait(60) == 1
    assert (
        tmp_path / "log"
    ).read_text() == "ERROR: SAGEMAKER_BIND_TO_PORT: must be a whole number from 1 to 65535, got '99999'\n"


def test_a_port_that_is_taken_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "xgboost-model").write_bytes(GOOD)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with started(tmp_path, tmp_path / "log", SAGEMAKER_BIND_TO_PORT=str(port)) as process:
            assert process.wait(60) == 1
    _, line = (tmp_path / "log").read_text().splitlines()
    assert line == (
        f"ERROR: port {port} is taken by another program; stop that, or set SAGEMAKER_BIND_TO_PORT to another"
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_while_the_model_is_loaded_leaves_no_traceback(tmp_path: Path, number: int) -> None:
    (tmp_path / "model").mkdir()
    os.mkfifo(tmp_path / "model" / "xgboost-model")
    with started(tmp_path, tmp_path / "log") as process:
        writer = os.open(tmp_path / "model" / "xgboost-model", os.O_WRONLY)  # returns once the server reads
        process.send_signal(number)
        assert process.wait(30) == 0
        os.close(writer)
    assert (tmp_path / "log").read_text() == ""
