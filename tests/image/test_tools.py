"""What build_and_push.sh does with an image before it pushes it: tools/smoke-test and tools/sbom."""

import json
import subprocess
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import container
from tests.conftest import IMAGE
from tests.image.conftest import docker

TOOLS = Path(__file__).parents[2] / "tools"


def run(tool: str, image: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(TOOLS / tool), image], text=True, capture_output=True, timeout=120)


def test_the_image_trains_and_serves(image: str) -> None:
    tried = run("smoke-test", image)
    assert (tried.returncode, tried.stdout) == (0, "it trains, serves, and stops when told\n"), tried.stderr


def test_an_image_that_cannot_train_says_why() -> None:
    """The same image with a `train` that fails."""
    build = f"FROM {IMAGE}\nRUN printf '#!/bin/sh\\necho there is no disk; exit 1\\n' >/opt/program/train\n"
    broken = f"{IMAGE}:broken-train"
    subprocess.run(["docker", "build", "-qt", broken, "-"], input=build, text=True, capture_output=True, check=True)
    try:
        tried = run("smoke-test", broken)
    finally:
        docker("image", "rm", broken)
    assert (tried.returncode, tried.stdout) == (1, "there is no disk\n")


def test_the_sbom_is_valid_and_names_what_is_there(image: str) -> None:
    listed = run("sbom", image)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(listed.stdout) is None
    bom = json.loads(listed.stdout)
    assert bom["metadata"]["component"]["version"] == container.__version__
    assert bom["metadata"]["component"]["bom-ref"] == docker("image", "inspect", "-f", "{{.Id}}", image)
    names = {component["name"] for component in bom["components"]}
    xgboost = "xgboost-cpu" if image.endswith(":cpu") else "xgboost"
    assert {xgboost, "flask", "gunicorn", "python3.13", "ca-certificates"} <= {name.lower() for name in names}
    assert run("sbom", image).stdout == listed.stdout
