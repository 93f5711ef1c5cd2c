"""The contract check: our image keeps every rule, and of an image with faults each is named, and nothing else."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE

import pytest
from contract_check.cli import RULES

from tests.conftest import IMAGE
from tests.image.conftest import docker

NAMES = [rule.name for rule in RULES]
ROOT = Path(__file__).parents[2]
CHECK = [sys.executable, str(ROOT / "local_test/contract_check")]

NEVER_FAIL = {"image-script-mode", "image-user", "image-labels", "serve-log-noise"}
"""Rules that only note something."""
BY_UNIT_TESTS = {"image-architecture", "image-manifest", "image-size"}
"""Rules that tests/unit/local_test/ breaks: no such image can be built here, or should be."""

TRAINING = {
    "knows-all-files": "train-extra-config",
    "needs-content-type": "train-no-content-type",
    "plain-hyperparameters": "train-quoted-hyperparameters",
    "fixed-host": "train-host-name",
    "writes-input": "train-read-only-input",
    "needs-network": "train-no-network",
    "no-metrics": "train-metrics",
    "exit-0": "train-failure-exit",
    "traceback-first": "train-failure-file",
    "no-exec": "train-stop",
    "buffered": "train-log-unbuffered",
}
SERVING = {
    "writes-root": "serve-read-only-root",
    "needs-shm": "serve-no-shm",
    "wants-cpus": "serve-one-cpu",
    "writes-model": "serve-read-only-model",
    "ping-early": "serve-ping-after-load",
    "one-at-a-time": "serve-ping-under-load",
    "header": "serve-rows",
    "ignores-accept": "serve-accept",
    "traceback-reply": "serve-unknown-type",
    "odd-parameters": "serve-execution-parameters",
    "no-exec": "serve-stop",
    "fixed-port": "serve-port",
}
OTHERS = {
    "no-failure-file": "train-failure-file",
    "hangs": "serve-broken-model",
    "drops-requests": "serve-stop",
    "loads-twice": "multi-model-load",
    "unknown-model-500": "multi-model-invoke",
    "never-unloads": "multi-model-unload",
}
VARIANTS = [
    # Faults and the rule that each breaks; what is checked; further rules that fail, as the fault is theirs too.
    pytest.param(TRAINING, ["train"], set(), id="training"),
    pytest.param({**SERVING, "noisy": ""}, ["serve"], {"serve-broken-model"}, id="serving"),
    pytest.param(OTHERS, [*sorted(set(OTHERS.values())), "multi-model-list"], {"multi-model-list"}, id="others"),
    pytest.param(
        {"no-invocations": "serve-invocations", "silent": "serve-broken-model", "no-models": "multi-model-list"},
        ["serve-invocations", "serve-no-shm", "serve-broken-model", "multi-model-list"],
        set(),
        id="no routes",
    ),
    pytest.param({"serves-anything": "serve-broken-model"}, ["serve-broken-model"], set(), id="damaged model"),
    pytest.param({"crashes": "serve-starts"}, ["serve-starts", "serve-accept"], set(), id="no server"),
    pytest.param({"no-model": "train-succeeds"}, ["train-succeeds", "serve"], set(), id="no model"),
    pytest.param(
        {"crlf": "image-line-endings", "not-executable": "image-programs"},
        ["image", "train"],
        {"train-succeeds"},
        id="programs",
    ),
]

Check = Callable[..., dict[str, tuple[str, str]]]


@pytest.fixture
def check() -> Check:
    """`check(image, *options)`: result and evidence by rule."""

    def run(image: str, *options: str, code: int | None = None) -> dict[str, tuple[str, str]]:
        with subprocess.Popen([*CHECK, image, "--json", *options], text=True, stdout=PIPE, stderr=PIPE) as process:
            output, errors = process.communicate(timeout=400)
        assert_nothing_is_left(process.pid)
        assert process.returncode in ({0, 1} if code is None else {code}), output + errors
        results = {row["rule"]: (row["result"], row["evidence"]) for row in json.loads(output)["results"]}
        assert process.returncode == any(outcome == "FAIL" for outcome, _ in results.values())
        return results

    return run


def assert_nothing_is_left(process: int) -> None:
    """No container and no volume of the check that was this process."""
    for kind in (("ps", "--all"), ("volume", "ls")):
        assert f"contract-check={process}-" not in docker(*kind, "--format", "{{.Labels}}")


@pytest.fixture
def build() -> Iterator[Callable[..., str]]:
    """`build("fault,fault", target=…)`: an image with these faults; removed in the end."""
    tags: list[str] = []

    def make(faults: str = "", target: str = "") -> str:
        tag = f"contract-check-{uuid.uuid4().hex[:8]}"
        stage = ["--target", target] if target else []
        base = f"BASE={IMAGE}:cpu"
        folder = str(Path(__file__).parent / "broken")
        docker("build", "--quiet", *stage, "--build-arg", base, "--build-arg", f"FAULTS={faults}", "--tag", tag, folder)
        tags.append(tag)
        return tag

    yield make
    for tag in tags:
        docker("rmi", "--force", tag)


def failed(results: dict[str, tuple[str, str]]) -> dict[str, str]:
    return {rule: evidence for rule, (outcome, evidence) in results.items() if outcome == "FAIL"}


def test_our_image_keeps_every_rule(check: Check) -> None:
    results = check(IMAGE)
    assert failed(results) == {}
    assert list(results) == NAMES
    assert {rule for rule, (outcome, _) in results.items() if outcome == "n/a"} == {"image-manifest"}


def test_nothing_fails_without_a_fault(build: Callable[..., str], check: Check) -> None:
    """So what fails below fails for its fault alone."""
    results = check(build(), "--quick")
    assert failed(results) == {}
    assert {rule for rule, (outcome, _) in results.items() if outcome == "n/a"} == {"image-manifest"}


@pytest.mark.parametrize(("faults", "only", "others"), VARIANTS)
def test_each_fault_is_named(
    build: Callable[..., str], check: Check, faults: dict[str, str], only: list[str], others: set[str]
) -> None:
    results = check(build(",".join(faults)), "--quick", *(word for name in only for word in ("--only", name)))
    expected = {*faults.values(), *others} - {""}
    assert set(failed(results)) == expected, results
    assert all(evidence for evidence in failed(results).values())
    if "noisy" in faults:
        assert results["serve-log-noise"][0] == "note"


def test_a_default_command_and_a_user_that_are_not_as_expected(build: Callable[..., str], check: Check) -> None:
    results = check(build(target="metadata"), "--only", "image")
    assert set(failed(results)) == {"image-default-command"}
    assert results["image-user"] == ("note", "1234")


def test_every_rule_can_fail() -> None:
    broken = {rule for variant in VARIANTS for rule in (*variant.values[0].values(), *variant.values[2])} - {""}
    assert broken | NEVER_FAIL | BY_UNIT_TESTS | {"image-default-command"} == set(NAMES)


@pytest.mark.parametrize("seconds", [0.5, 2, 4])
def test_ctrl_c_leaves_nothing(seconds: float) -> None:
    program = subprocess.Popen(
        [*CHECK, f"{IMAGE}:cpu"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    time.sleep(seconds)
    program.send_signal(signal.SIGINT)
    output, _ = program.communicate(timeout=60)
    assert program.returncode == 128 + signal.SIGINT, output
    assert "Traceback" not in output
    assert_nothing_is_left(program.pid)


def test_data_and_request_of_ones_own(tmp_path: Path, check: Check) -> None:
    for channel in ("train", "validation"):
        (tmp_path / "data" / channel).mkdir(parents=True)
        rows = "\n".join(f"{i % 7},{i % 3},{'yes' if i % 2 else 'no'}" for i in range(60))
        (tmp_path / "data" / channel / "rows.csv").write_text("size,colour,answer\n" + rows)
    (tmp_path / "hyperparameters.json").write_text(json.dumps({"target": "answer", "num_round": 3}))
    (tmp_path / "request.csv").write_text("1,2\n3,4\n")
    results = check(
        f"{IMAGE}:cpu",
        *("--train-data", str(tmp_path / "data"), "--hyperparameters", str(tmp_path / "hyperparameters.json")),
        *("--request", str(tmp_path / "request.csv"), "--only", "train", "--only", "serve-rows"),
        code=0,
    )
    assert results["serve-rows"] == ("pass", "2 rows, 2 lines")
    assert results["train-stop"][0] == "n/a"
    assert "validation-" in results["train-metrics"][1]


def test_the_commands_of_the_page() -> None:
    """Of docs/contract-check.md: the default image, and another, in whose place stands the small one."""
    page = (ROOT / "docs" / "contract-check.md").read_text("utf-8")
    (block,) = re.findall(r"^```bash\n(.*?)^```", page, re.M | re.S)
    outputs = []
    for line in block.splitlines():
        command = shlex.split(line.replace("my-image:tag", f"{IMAGE}:cpu"), comments=True)
        done = subprocess.run(
            command, text=True, capture_output=True, cwd=ROOT, env={**os.environ, "IMAGE": IMAGE}, timeout=400
        )
        assert done.returncode == 0, done.stdout + done.stderr
        outputs.append(done.stdout)
    here, another, serving, rules = outputs
    assert "pass image-programs                /opt/program/train, /opt/program/serve\n" in here
    assert here.count("\npass ") == another.count("\npass ") > 30
    assert serving.splitlines()[0].split()[:2] == ["pass", "serve-starts"]
    assert all(name in rules for name in NAMES)
