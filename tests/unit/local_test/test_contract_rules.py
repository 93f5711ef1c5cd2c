"""The contract check's judgement, without an engine."""

import ast
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from contract_check import image_rules
from contract_check.asking import ask
from contract_check.cli import RULES
from contract_check.context import Context
from contract_check.docker import DockerError, pack, unpack
from contract_check.job import UNKNOWN_FILES, Samples, damage, job_tree
from contract_check.rule import FAIL, NOT_APPLICABLE, NOTE, PASS, Attempt, Rule, under_conditions
from contract_check.train_rules import METRIC, TRACEBACK

from tests.support.processes import free_port

NAMES = [rule.name for rule in RULES]
PACKAGE = Path(__file__).parents[3] / "local_test/contract_check"
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass
class NoFiles:
    """A container of an image without any file."""

    def executable(self, path: str) -> None:
        return None

    def remove(self) -> None:
        pass


@dataclass
class Registry:
    """An engine that knows only what a registry says of an image."""

    manifest: dict[str, Any] | None = field(default=None)

    def create(self, *arguments: str) -> NoFiles:
        return NoFiles()

    def call(self, *arguments: str) -> str:
        if self.manifest is None:
            raise DockerError("no such manifest")
        return json.dumps(self.manifest)


def image_results(docker: Registry | None = None, **inspected: object) -> dict[str, tuple[str, str]]:
    image = {"Os": "linux", "Architecture": "amd64", "Size": 5e8, "Config": {}, **inspected}
    context = Context(docker or Registry(), "image", image)  # type: ignore[arg-type]
    return {result.rule.name: (result.outcome, result.evidence) for result in image_rules.check(context)}


@pytest.mark.parametrize(("architecture", "outcome"), [("amd64", PASS), ("arm64", NOTE), ("riscv64", FAIL)])
def test_architecture(architecture: str, outcome: str) -> None:
    assert image_results(Architecture=architecture)["image-architecture"][0] == outcome


@pytest.mark.parametrize(
    ("inspected", "manifest", "outcome"),
    [
        pytest.param({"Descriptor": {"mediaType": INDEX}}, None, FAIL, id="an index in the engine's store"),
        pytest.param({"Descriptor": {"mediaType": MANIFEST}}, None, PASS, id="one image in the engine's store"),
        pytest.param({"RepoDigests": ["a@sha256:0"]}, {"mediaType": INDEX, "manifests": []}, FAIL, id="pushed index"),
        pytest.param({"RepoDigests": ["a@sha256:0"]}, {"manifests": []}, FAIL, id="pushed index without a type"),
        pytest.param({"RepoDigests": ["a@sha256:0"]}, {"mediaType": MANIFEST}, PASS, id="pushed image"),
        pytest.param({"RepoDigests": ["a@sha256:0"]}, None, NOTE, id="the registry does not answer"),
        pytest.param({}, None, NOT_APPLICABLE, id="not pushed"),
    ],
)
def test_manifest(inspected: dict[str, object], manifest: dict[str, Any] | None, outcome: str) -> None:
    assert image_results(Registry(manifest), **inspected)["image-manifest"][0] == outcome


def test_size() -> None:
    assert image_results()["image-size"] == (NOTE, "500 MB unpacked")
    assert image_results(Size=11e9)["image-size"][0] == FAIL


@pytest.mark.parametrize(
    ("config", "outcome"),
    [
        ({"Cmd": ["train"]}, PASS),
        ({"Entrypoint": ["python3", "/opt/ml/code/train.py"]}, PASS),
        ({"Cmd": ["serve"]}, FAIL),
        ({"Entrypoint": ["/entry.sh"]}, FAIL),
        ({}, FAIL),
    ],
)
def test_default_command(config: dict[str, object], outcome: str) -> None:
    assert image_results(Config=config)["image-default-command"][0] == outcome


def test_an_image_without_files() -> None:
    results = image_results()
    assert results["image-programs"] == (
        FAIL,
        "train is not on PATH or not executable; serve is not on PATH or not executable",
    )
    assert results["image-line-endings"][0] == NOT_APPLICABLE
    assert results["image-script-mode"] == (NOTE, "no bash, no python3, no pip")


PLAIN, ONE, TWO = (Rule(name, "", "", "") for name in ("plain", "one", "two"))


@pytest.mark.parametrize(
    ("fails", "outcomes"),
    [
        pytest.param(lambda tried: False, [PASS, PASS, PASS], id="nothing"),
        pytest.param(lambda tried: True, [FAIL, NOT_APPLICABLE, NOT_APPLICABLE], id="anyway"),
        pytest.param(lambda tried: "two" in tried, [PASS, PASS, FAIL], id="one condition"),
        pytest.param(lambda tried: tried >= {"one", "two"}, [NOTE, PASS, PASS], id="only both together"),
    ],
)
def test_conditions_are_told_apart(fails: Callable[[frozenset[str]], bool], outcomes: list[str]) -> None:
    results = list(under_conditions(PLAIN, [ONE, TWO], lambda tried: Attempt("broke" if fails(tried) else "")))
    assert [result.rule for result in results] == [PLAIN, ONE, TWO]
    assert [result.outcome for result in results] == outcomes


def test_a_single_attempt_without_conditions() -> None:
    tried: list[frozenset[str]] = []
    list(under_conditions(PLAIN, [], lambda names: Attempt(tried.append(names) or "broke")))
    assert tried == [frozenset()]


def test_conditions_of_a_job() -> None:
    plain, hyperparameters = job_tree(Samples(), {"eta": "0.1"}), {"eta": "0.1"}
    assert set(plain) == {
        *(f"config/{name}.json" for name in ("hyperparameters", "inputdataconfig", "resourceconfig")),
        *("data/train/", "data/train/rows.csv"),
    }
    everything = frozenset(NAMES)
    job = job_tree(Samples(), hyperparameters, everything)
    config = {path[7:-5]: json.loads(content) for path, content in job.items() if path.startswith("config/")}
    assert config["hyperparameters"] == {"eta": '"0.1"'}
    assert "ContentType" not in config["inputdataconfig"]["train"]
    assert config["resourceconfig"]["current_host"] != json.loads(plain["config/resourceconfig.json"])["current_host"]
    assert set(UNKNOWN_FILES) < set(config)
    assert "data/train-manifest" in job
    assert job_tree(Samples(), {}, damaged=True)["data/train/rows.csv"].startswith(b"\xff\xfe")


def test_archives_keep_files_and_empty_folders() -> None:
    tree = {"a/b/file": b"content", "a/empty/": b"", "top": b""}
    assert unpack(pack(tree)) == {"a/b/file": b"content", "top": b""}
    assert set(damage({"a": b"", "b": b""})) == {"a", "b"}


def test_large_requests_repeat_lines_of_text_alone() -> None:
    large = Samples(request=b"1,2\n3,4").large_request(1)
    assert set(large.splitlines()) == {b"1,2", b"3,4"}
    assert 1_000_000 < len(large) <= 1024 * 1024
    assert Samples(content_type="application/json", request=b"[1]").large_request(1) == b"[1]"


@pytest.mark.parametrize(
    "line",
    ["[0]\ttrain-rmse:1.5", "loss = 0.5", "epoch 3 accuracy: 0.9", '{"loss": 0.1}', "#quality_metric rmse=-3"],
)
def test_lines_with_a_metric(line: str) -> None:
    assert METRIC.search(line)


@pytest.mark.parametrize("line", ["round 3 is done", "reading train.csv", "10 rows"])
def test_lines_without(line: str) -> None:
    assert not METRIC.search(line)


@pytest.mark.parametrize(
    ("reason", "seen"),
    [
        ("cannot read train.csv, line 3: a number was expected", False),
        ("Traceback (most recent call last):\n  File", True),
        ('oh no\n  File "train.py", line 3, in main', True),
        ("java.lang.IllegalState: oh no\n\tat com.example.Train.main(Train.java:3)", True),
    ],
)
def test_tracebacks(reason: str, seen: bool) -> None:
    assert bool(TRACEBACK.search(reason)) is seen


def test_no_server_is_no_reply() -> None:
    reply = ask(free_port(), "GET", "/ping", seconds=2)
    assert reply.status == 0
    assert "refused" in str(reply)


@pytest.mark.parametrize("file", sorted(PACKAGE.glob("*.py")), ids=lambda file: file.name)
def test_it_is_python_of_3_9_and_its_standard_library(file: Path) -> None:
    tree = ast.parse(file.read_text(), feature_version=(3, 9))
    modules = {
        name
        for node in ast.walk(tree)
        for name in (
            [node.module]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    }
    allowed = {"contract_check", *sys.stdlib_module_names}
    assert {str(module).partition(".")[0] for module in modules} <= allowed
