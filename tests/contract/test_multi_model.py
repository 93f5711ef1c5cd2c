"""A multi-model endpoint of several processes: one state, whichever of them is asked."""

import json
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.contract.multi_model import ANSWERS, ROW, Endpoint, endpoint
from tests.support.serving import MODELS, ROOT

AGAIN = 20
"""How often the same is asked, each time on a connection of its own: by chance every worker is among those asked."""


@pytest.fixture(scope="module", params=[1, 2, 4])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with endpoint(tmp_path_factory.mktemp("many"), request.param) as found:
        yield found


@pytest.fixture
def many(shared: Endpoint) -> Iterator[Endpoint]:
    """Without a model, as each test finds and leaves it."""
    assert shared.names() == []
    yield shared
    for name in shared.names():
        assert shared.unload(name).status == 200


def statuses(many: Endpoint, name: str) -> set[int]:
    return {many.invoke(name).status for _ in range(AGAIN)} | {many.describe(name).status for _ in range(AGAIN)}


def test_it_is_healthy_without_a_model_and_needs_no_model_folder(many: Endpoint) -> None:
    assert many.server.request("GET", "/ping").status == 200
    assert many.server.request("GET", "/models").body == b'{"models":[]}'
    assert many.server.predict(ROW).status == 400
    assert f"listening on port {many.server.port}" in many.server.log.read_text().splitlines()[0]


def test_once_the_reply_is_there_every_worker_has_the_model_or_has_it_no_longer(many: Endpoint) -> None:
    for _ in range(3):
        for name in ANSWERS:
            assert many.load(name, name).status == 200
        for name, answer in ANSWERS.items():
            assert {many.invoke(name).body for _ in range(AGAIN)} == {answer}
            assert {many.load(name).status for _ in range(5)} == {409}
        assert {tuple(many.names()) for _ in range(AGAIN)} == {("approval", "sizes")}
        for name in ANSWERS:
            assert many.unload(name).status == 200
            assert statuses(many, name) == {404}
            assert many.unload(name).status == 404


def test_a_name_may_be_loaded_again_from_elsewhere(many: Endpoint) -> None:
    for golden in ("approval", "sizes", "approval"):
        assert many.load("a/../b?%2F é", golden).status == 200
        assert {many.invoke("a/../b?%2F é").body for _ in range(AGAIN)} == {ANSWERS[golden]}
        assert many.unload("a/../b?%2F é").status == 200


def test_the_longest_name_can_be_asked_for(many: Endpoint) -> None:
    name = "x" * 8157
    assert many.load(name).status == 200
    assert many.invoke(name).body == ANSWERS["approval"]
    assert many.unload(name).status == 200
    assert many.load(name + "x").status == 400


def test_a_model_that_cannot_be_loaded_is_loaded_by_none(many: Endpoint) -> None:
    (many.folder / "none").mkdir(exist_ok=True)
    for golden, status in (("none", 400), ("absent", 404)):
        reply = many.load("a", golden)
        assert reply.status == status
        assert list(json.loads(reply.body)) == ["error"]
        assert statuses(many, "a") == {404}
    assert many.names() == []


def test_of_many_that_load_or_unload_one_name_one_succeeds(many: Endpoint) -> None:
    with ThreadPoolExecutor(12) as pool:
        assert Counter(reply.status for reply in pool.map(many.load, ["a"] * 12)) == {200: 1, 409: 11}
        assert many.names() == ["a"]
        assert Counter(reply.status for reply in pool.map(many.unload, ["a"] * 12)) == {200: 1, 404: 11}
    assert many.names() == []


def test_many_names_at_once_and_pages_of_them(many: Endpoint) -> None:
    names = [str(number) for number in range(120)]
    with ThreadPoolExecutor(8) as pool:
        assert {reply.status for reply in pool.map(many.load, names)} == {200}
        assert sorted(many.names()) == sorted(names)
        first = json.loads(many.server.request("GET", "/models").body)
        assert len(first["models"]) == 100
        assert {reply.body for reply in pool.map(many.invoke, names)} == {ANSWERS["approval"]}
        assert {reply.status for reply in pool.map(many.unload, names)} == {200}


class Clients:
    """Threads that ask for a model until the block ends, each on one connection; what came back, in order."""

    def __init__(self, many: Endpoint, name: str, count: int = 6) -> None:
        self._many, self._name = many, name
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=[number]) for number in range(count)]
        self.replies: list[list[tuple[int, bytes]]] = [[] for _ in range(count)]

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in self._threads)

    def _ask(self, number: int) -> None:
        # The event loop answers CSV, threads answer LIBSVM.
        body, content_type = (ROW, "text/csv") if number % 2 else (b"0:100 1:3", "text/libsvm")
        with self._many.connected() as connection:
            while not self._end.is_set():
                headers = {"Content-Type": content_type, "Accept": "text/csv"}
                connection.request("POST", f"/models/{self._name}/invoke", body, headers)
                reply = connection.getresponse()
                self.replies[number].append((reply.status, reply.read()))


def test_other_models_do_not_notice_that_one_is_loaded_and_unloaded(many: Endpoint) -> None:
    assert many.load("a").status == 200
    with Clients(many, "a") as clients:
        for _ in range(50):
            assert many.load("b", "sizes").status == 200
            assert many.invoke("b").body == ANSWERS["sizes"]
            assert many.unload("b").status == 200
    for replies in clients.replies:
        assert len(replies) > 50
        assert set(replies) == {(200, ANSWERS["approval"])}


def test_a_model_that_is_unloaded_under_traffic_answers_and_then_is_not_there(many: Endpoint) -> None:
    for _ in range(10):
        assert many.load("a").status == 200
        with Clients(many, "a") as clients:
            while not all(clients.replies):
                pass
            assert many.unload("a").status == 200
            assert statuses(many, "a") == {404}
        for replies in clients.replies:
            order = [status for status, _ in replies]
            assert order == sorted(order)
            assert set(order) <= {200, 404}
            assert {body for status, body in replies if status == 200} == {ANSWERS["approval"]}


def test_a_request_that_is_under_way_is_finished_before_the_model_goes(many: Endpoint) -> None:
    assert many.load("a").status == 200
    long = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 5000) for number in range(2))  # so that the loop leaves it alone
    with many.server.connect() as connection, ThreadPoolExecutor(1) as pool:
        connection.sendall(
            b"POST /models/a/invoke HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\nConnection: close\r\n"
            + long
            + b"Transfer-Encoding: chunked\r\n\r\n2\r\n10\r\n"
        )
        time.sleep(0.5)  # a thread has it and the model, and waits for the rest
        gone = pool.submit(many.unload, "a")
        time.sleep(0.5)
        assert not gone.done()
        connection.sendall(b"3\r\n0,3\r\n0\r\n\r\n")
        reply = b"".join(iter(lambda: connection.recv(65536), b""))
        assert reply.startswith(b"HTTP/1.1 200 OK")
        assert reply.endswith(ANSWERS["approval"])
        assert gone.result(30).status == 200


def test_a_request_that_still_arrives_has_no_model_yet(many: Endpoint) -> None:
    assert many.load("a").status == 200
    with many.server.connect() as connection:
        connection.sendall(
            b"POST /models/a/invoke HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\nConnection: close\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n2\r\n10\r\n"
        )
        time.sleep(0.5)
        assert many.unload("a").status == 200
        connection.sendall(b"3\r\n0,3\r\n0\r\n\r\n")
        assert b"".join(iter(lambda: connection.recv(65536), b"")).startswith(b"HTTP/1.1 404 ")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Endpoint, Endpoint]]:
    """The same models served with the worker of our own and without."""
    folder = tmp_path_factory.mktemp("pair")
    with (
        endpoint(folder, 1, base="on") as on,
        endpoint(folder, 1, base="off", SAGEMAKER_XGBOOST_FAST_WORKER="false") as off,
    ):
        for server in (on, off):
            for name in ("a", "a..", "my_model", "a?b"):
                assert server.load(name).status == 200
        yield on, off


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("POST /models/a/invoke", ROW),
        ("POST /models/a%2E%2e/invoke", ROW),
        ("POST /models/my_model/invoke", ROW),
        ("POST /models/a?b/invoke", ROW),
        ("POST /models/a%3Fb/invoke", ROW),
        ("POST /models/none/invoke", ROW),
        ("POST /models/a/invoke", b"many,3"),
        ("POST /models/%FF/invoke", ROW),
        ("POST /models//invoke", ROW),
        ("POST /models/invoke", ROW),
        ("POST /models/a/invoke?x=1", ROW),
        ("GET /models/a", b""),
        ("GET /models/a%2E%2e", b""),
        ("GET /models?limit=1", b""),
        ("GET /models/../models", b""),
        ("DELETE /models/none", b""),
        ("PUT /models/a", b""),
        ("GET /ping", b""),
        ("POST /invocations", ROW),
    ],
)
def test_every_byte_is_the_one_that_gunicorns_own_worker_sends(
    pair: tuple[Endpoint, Endpoint], head: str, body: bytes
) -> None:
    request = (
        f"{head} HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    )
    last = b"GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    on, off = (re.sub(rb"Date: [^\r]*", b"", one.server.exchange(request * 2 + last)) for one in pair)
    assert on == off
    assert on.count(b"HTTP/1.1 ") == 3


def test_what_the_workers_share_is_gone_with_the_server_and_so_are_the_models(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="tmp-") as temporary:
        for run in ("first", "second"):
            with endpoint(tmp_path / run, 2, TMPDIR=temporary) as many:
                assert many.names() == []
                assert many.load("a").status == 200
                assert len(list(Path(temporary).glob("models-*"))) == 1
                assert many.server.stop() == 0
                assert many.server.log.read_text().splitlines()[-1] == "stopped"
            assert list(Path(temporary).glob("models-*")) == []


def test_settings_that_cannot_be_end_it_at_the_start(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT: must be one of"),
        endpoint(tmp_path, 1, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="image/png"),
    ):
        raise AssertionError


def test_the_commands_of_the_page(tmp_path: Path) -> None:
    (block,) = re.findall(r"```bash\n(.*?)```", (ROOT / "docs" / "multi-model.md").read_text(), re.DOTALL)
    job = tmp_path / "local_test" / "work" / "ames"
    (job / "held_out").mkdir(parents=True)
    (job / "held_out" / "three.csv").write_bytes(b"area,rooms\n100,3\n")
    (job / "model").mkdir()
    shutil.copy(MODELS / "approval.ubj", job / "model" / "xgboost-model")
    with endpoint(tmp_path, 2) as many:
        commands = block.replace("http://127.0.0.1:8080", f"http://127.0.0.1:{many.server.port}")
        commands = commands.replace("/opt/ml", str(job))
        done = subprocess.run(
            ["bash", "-ec", commands.replace("curl", "curl -sS --fail -w '\\n'")],
            cwd=tmp_path,
            text=True,
            capture_output=True,
            timeout=60,
        )
    model = {"modelName": "ames", "modelUrl": f"{job}/model"}
    loaded, predicted, unloaded = done.stdout.splitlines()
    assert (json.loads(loaded), predicted, json.loads(unloaded)) == (model, ANSWERS["approval"].decode(), model)
