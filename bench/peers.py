"""The servers that ours is compared with: what each needs, how it is started, and in what form it is asked."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
OURS = "this container"
_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True)
class Peer:
    """A server to compare with; its command is run by its environment's Python."""

    requirements: tuple[str, ...]
    command: tuple[str, ...]  # after "python"; {port}, {workers}
    settings: tuple[tuple[str, str], ...] = ()
    body: str = "csv"  # one of `loads.FORMS`, what the server reads
    path: str = "/invocations"
    health: str = "/ping"
    python: str | None = None  # such as 3.12, where it does not run on ours
    constant: bool = False  # a floor, whose answer is no prediction


def _sample(name: str) -> tuple[str, ...]:
    return (str(HERE / "servers" / f"{name}.py"), "{port}", "{workers}")


_SERVE = (str(HERE.parent / "serve"),)
_IMAGE = ("PYTHONPATH", str(HERE.parent / "tests" / "support" / "without"))  # scikit-learn, as the image is
_GUNICORN = ("-m", "gunicorn", "-w", "{workers}", "-b", "127.0.0.1:{port}", "--log-level", "warning")
_COMMON = ("xgboost-cpu==3.4.1", "pandas")
PEERS = {
    OURS: Peer((), _SERVE, (_IMAGE,)),
    "its worker alone, a constant on the event loop": Peer(
        (), (*_sample("constant"), "inline"), (_IMAGE,), constant=True
    ),
    "its worker alone, a WSGI constant in a thread": Peer(
        (), (*_sample("constant"), "thread"), (_IMAGE,), constant=True
    ),
    "it without its worker": Peer((), _SERVE, (_IMAGE, ("SAGEMAKER_XGBOOST_FAST_WORKER", "false"))),
    "Flask, pandas, DMatrix, gunicorn sync": Peer(
        (*_COMMON, "flask", "gunicorn"), (*_GUNICORN, "--chdir", str(HERE / "servers"), "flask_sample:app")
    ),
    "LitServe": Peer((*_COMMON, "litserve"), _sample("litserve_sample"), body="instances"),
    "MLServer": Peer(
        (
            "mlserver",
            "mlserver-xgboost",
            "xgboost==3.4.1",
            "uvloop<0.22",
        ),  # its processes ask for a loop as that gave one
        _sample("mlserver_sample"),
        body="v2",
        path="/v2/models/model/infer",
        health="/v2/models/model/ready",
        python="3.12",
    ),
    "KServe": Peer(
        (*_COMMON, "kserve"),
        _sample("kserve_sample"),
        body="instances",
        path="/v1/models/model:predict",
        health="/v2/health/ready",
        python="3.12",
    ),
    "BentoML": Peer((*_COMMON, "bentoml"), _sample("bentoml_sample"), body="rows", path="/predict", health="/readyz"),
    "MLflow": Peer((*_COMMON, "mlflow"), _sample("mlflow_sample"), body="csv with header"),
}


def python_of(name: str, peer: Peer) -> str | None:
    """The Python that has what the peer needs, installed where it is missing; None, with a line, where that fails."""
    if not peer.requirements:
        return sys.executable
    folder = HERE / ".venvs" / name.split(",")[0].lower()
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        base = sys.executable if peer.python is None else find_python(peer.python)
        if base is None:
            print(f"{name} is left out: it does not run on Python {_PYTHON}, and there is no Python {peer.python}")
            return None
        subprocess.run([base, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.requirements]
        if subprocess.run(pip).returncode:
            print(f"{name} is left out: it could not be installed")
            return None
        (folder / "ready").touch()
    return str(python)


def find_python(version: str) -> str | None:
    """A Python of this version that can make environments: on PATH, of pyenv or of uv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [shutil.which(f"python{version}"), *map(str, sorted(pyenv.glob(f"{version}.*/bin/python3")))]
    if shutil.which("uv"):
        found.append(subprocess.run(["uv", "python", "find", version], capture_output=True, text=True).stdout.strip())
    check = f"import ensurepip, sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != '{version}')"
    for python in filter(None, found):
        if subprocess.run([python, "-c", check], stderr=subprocess.DEVNULL).returncode == 0:
            return python
    return None
