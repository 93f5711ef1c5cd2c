"""local_test/'s scripts where Docker is missing, broken or of another kind: what they say, and how they call it."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

ROOT = Path(__file__).parents[2]
LOCAL_TEST = ROOT / "local_test"

DOCKER = """#!/bin/sh
echo "$@" >>"$CALLS"
case "$1 $2" in
  "info "*) {info} ;;
  "image inspect") {inspect} ;;
  "wait "*) echo 0 ;;
esac
"""
ENGINE = 'echo "[name=seccomp,profile=default]"'


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """`docker(info=…, inspect=…)`: a client first on PATH that answers so; returns the file that notes its calls."""

    def install(info: str = ENGINE, inspect: str = "true") -> Path:
        client = tmp_path / "bin/docker"
        client.parent.mkdir()
        client.write_text(DOCKER.format(info=info, inspect=inspect))
        client.chmod(0o755)
        monkeypatch.setenv("PATH", f"{client.parent}:{os.environ['PATH']}")
        monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
        return tmp_path / "calls"

    return install


def run(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LOCAL_TEST / script, *arguments], text=True, capture_output=True, timeout=60)


@pytest.mark.parametrize("script", ["train_local.sh", "serve_local.sh"])
@pytest.mark.parametrize(
    ("client", "message"),
    [
        pytest.param({"info": "echo Cannot connect >&2; exit 1"}, "no Docker daemon answers; start it", id="daemon"),
        pytest.param({"info": "echo permission denied >&2; exit 1"}, "you may not use Docker: ", id="permission"),
        pytest.param(
            {"inspect": "exit 1"},
            f"the image sagemaker-xgboost is not built; run: make -C {ROOT} image-cpu (",
            id="image",
        ),
    ],
)
def test_what_docker_lacks_is_said(
    docker: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, script: str, client: dict[str, str], message: str
) -> None:
    monkeypatch.delenv("IMAGE", raising=False)
    docker(**client)
    done = run(script)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{script}: {message}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("image", "remedy"),
    [
        pytest.param("mine", f"is not built; run: make -C {ROOT} image-cpu IMAGE=mine (or", id="built by make"),
        pytest.param("mine:tag", "is not here; run: docker pull mine:tag", id="another's"),
    ],
)
def test_an_image_that_is_not_there(docker: Callable[..., Path], image: str, remedy: str) -> None:
    docker(inspect="exit 1")
    for script, arguments, code in (("train_local.sh", ("--image", image), 1), ("check_contract.sh", (image,), 2)):
        done = run(script, *arguments)
        assert (done.returncode, done.stderr.count("\n")) == (code, 1)
        assert done.stderr.startswith(f"{script}: the image {image} {remedy}")


def test_the_next_command_names_the_same_image(docker: Callable[..., Path], tmp_path: Path) -> None:
    docker()
    (tmp_path / "job/input/data/train").mkdir(parents=True)
    done = run("train_local.sh", "--image", "mine", tmp_path / "job")
    assert done.stdout.endswith(f"Next: {LOCAL_TEST}/serve_local.sh --image mine {tmp_path}/job\n")
    done = run("serve_local.sh", "--image", "mine", tmp_path / "job")
    assert done.stderr.endswith(f"run: {LOCAL_TEST}/train_local.sh --image mine {tmp_path}/job\n")


def test_a_port_that_is_none() -> None:
    for script in ("serve_local.sh", "predict.sh"):
        done = run(script, "--port", "http")
        assert (done.returncode, done.stderr) == (1, f"{script}: --port: must be a number, got 'http'\n")


@pytest.mark.parametrize(
    ("info", "user"),
    [
        pytest.param(ENGINE, f"{os.getuid()}:{os.getgid()}", id="rootful"),
        pytest.param('echo "[name=seccomp,profile=default name=rootless]"', "0:0", id="rootless"),
    ],
)
def test_files_are_written_as_the_user(docker: Callable[..., Path], tmp_path: Path, info: str, user: str) -> None:
    """In a rootless engine, root of the container is the user outside, and any other id is somebody else."""
    calls = docker(info=info)
    (tmp_path / "job/input/data/train").mkdir(parents=True)
    done = run("train_local.sh", "--dev", tmp_path / "job", "--", "--gpus", "all")
    assert done.returncode == 0, done.stderr
    (command,) = (line for line in calls.read_text().splitlines() if line.startswith("run "))
    assert f"--user {user} " in command
    assert f"--volume {tmp_path}/job:/opt/ml " in command
    assert f"--volume {ROOT}/container:/opt/program/container:ro " in command
    assert "--gpus all " in command


JOBS = [f"{job}_local.sh" for job in ("batch", "cluster", "load", "multi_model", "spot")]


@pytest.mark.parametrize("script", ["seed.sh", "train_local.sh", "serve_local.sh", "predict.sh", "demo.sh", *JOBS])
def test_help_and_wrong_options(script: str) -> None:
    done = run(script, "--help")
    assert done.returncode == 0
    assert f"usage: {script} " in done.stdout
    assert "set -" not in done.stdout

    done = run(script, "--prot", "1")
    assert (done.returncode, done.stderr) == (1, f"{script}: there is no option --prot; see {script} --help\n")


def test_predict_says_what_is_missing(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    rows = tmp_path / "rows.csv"
    rows.write_text("1,2\n")
    said = run("predict.sh", "--port", port, rows).stderr
    assert f"nothing answers on port {port}; start the server in another terminal: " in said
    assert said.endswith(f"/serve_local.sh --port {port}\n")
    assert "there is no file" in run("predict.sh", tmp_path / "other.csv").stderr
    rows = rows.rename(tmp_path / "rows.xyz")
    assert "say it, such as --content-type text/csv" in run("predict.sh", rows).stderr


class Echo(BaseHTTPRequestHandler):
    """Answers with the request; 400 for a body of more than a line."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        reply = f"{self.path} {self.headers['Content-Type']} {self.headers['Accept']} {body}".encode()
        self.send_response(200 if body.count("\n") == 1 else 400)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def do_DELETE(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"deleted {self.path}".encode())

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Echo)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield str(server.server_port)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("client", ["curl", "python3"])
def test_predict_with_and_without_curl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, port: str, client: str) -> None:
    (tmp_path / "bin").mkdir()
    for tool in ("bash", "dirname", "env", client):
        (tmp_path / "bin" / tool).symlink_to(sys.executable if tool == "python3" else shutil.which(tool) or tool)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "one.jsonl").write_text("[1]\n")
    done = run("predict.sh", "--port", port, "--accept", "text/csv", tmp_path / "one.jsonl")
    assert (done.returncode, done.stdout) == (0, "/invocations application/jsonlines text/csv [1]\n\n")

    (tmp_path / "two.csv").write_text("1\n2\n")
    done = run("predict.sh", "--port", port, tmp_path / "two.csv")
    assert (done.returncode, done.stdout) == (1, "/invocations text/csv text/csv 1\n2\n\n")
    assert done.stderr.endswith("predict.sh: the request was refused; the reply above says why\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        done = run("predict.sh", "--port", str(probe.getsockname()[1]), tmp_path / "two.csv")
    assert done.stderr.splitlines()[-1].startswith("predict.sh: nothing answers on port ")


@pytest.mark.parametrize(("clients", "requests"), [("1", "3"), ("4", "50")])
def test_load_counts_every_request(tmp_path: Path, port: str, clients: str, requests: str) -> None:
    rows = tmp_path / "rows.csv"
    load = [sys.executable, LOCAL_TEST / "load.py", f"http://127.0.0.1:{port}/invocations", rows, requests, clients]
    rows.write_text("1,2\n")
    done = subprocess.run(load, text=True, capture_output=True, timeout=60)
    assert done.returncode == 0
    assert re.fullmatch(r"\d+ requests/s, p50 [\d.]+ ms, p99 [\d.]+ ms, 0 errors\n", done.stdout)

    rows.write_text("1,2\n3,4\n")  # which Echo refuses
    done = subprocess.run(load, text=True, capture_output=True, timeout=60)
    assert done.returncode == 1
    assert done.stdout.startswith(f"  {requests} times: 400 /invocations text/csv")


@pytest.mark.parametrize("client", ["curl", "python3"])
def test_http_takes_a_method(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, port: str, client: str) -> None:
    (tmp_path / "bin").mkdir()
    for tool in ("bash", "dirname", client):
        (tmp_path / "bin" / tool).symlink_to(sys.executable if tool == "python3" else shutil.which(tool) or tool)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    script = f". {LOCAL_TEST}/common.sh; METHOD=DELETE http http://127.0.0.1:{port}/models/first"
    done = subprocess.run(["bash", "-c", script, f"{LOCAL_TEST}/x.sh"], text=True, capture_output=True)
    assert (done.returncode, done.stdout) == (0, "deleted /models/first\n"), done.stderr
