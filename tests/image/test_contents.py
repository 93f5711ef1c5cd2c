"""What is in the image, and what is not."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REQUIREMENTS = Path(__file__).parents[2] / "requirements"


def locked(lock: str) -> dict[str, str]:
    """The versions that a lock pins on Linux, by package."""
    lines = (line.partition("\\")[0] for line in (REQUIREMENTS / lock).read_text().splitlines())
    pins = [Requirement(line) for line in lines if line[:1].isalnum()]
    linux = {"sys_platform": "linux", "platform_system": "Linux"}
    return {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix("==")
        for pin in pins
        if pin.marker is None or pin.marker.evaluate(linux)
    }


def test_packages_are_the_locked_ones(sh: Callable[..., str], image: str) -> None:
    installed = json.loads(sh("pip list --format json"))
    lock = "cpu.txt" if image.endswith(":cpu") else "gpu.txt"
    versions = {canonicalize_name(package["name"]): package["version"] for package in installed}
    assert versions.pop("xgboost-serving-core")  # our own, from native/
    assert versions == locked(lock)


def test_both_images_hold_the_same_versions_but_for_xgboost() -> None:
    gpu, cpu = locked("gpu.txt"), locked("cpu.txt")
    assert gpu.pop("xgboost") == cpu.pop("xgboost-cpu")
    del gpu["nvidia-nccl-cu13"]
    assert gpu == cpu


@pytest.mark.parametrize("lock", ["gpu", "cpu", "local", "test", "sdk-v2"])
def test_locks_name_no_index(lock: str) -> None:
    """Where packages come from is the business of whoever builds."""
    assert "://" not in (REQUIREMENTS / f"{lock}.txt").read_text()


def test_requirements_of_all_packages_are_met(sh: Callable[..., str]) -> None:
    assert sh("pip check") == "No broken requirements found."


@pytest.mark.parametrize("compiler", ["cc", "gcc", "c++", "ld", "make"])
def test_no_compiler(sh: Callable[..., str], compiler: str) -> None:
    assert sh(f"command -v {compiler} || echo none") == "none"


@pytest.mark.parametrize(
    "left_over",
    ["/root/.cache", "/var/lib/apt/lists", "/var/cache/apt", "/run/secrets", "/tmp", "/opt/ml", "/mnt"],
)
def test_nothing_left_of_the_build(sh: Callable[..., str], left_over: str) -> None:
    assert sh(f"find {left_over} -type f -size +0 2>/dev/null || true") == ""


def test_no_tests_of_packages(sh: Callable[..., str]) -> None:
    assert sh("find /usr/local -type d -name tests") == ""


def test_everything_is_compiled_to_bytecode(sh: Callable[..., str]) -> None:
    """A read-only container could not cache it, and would compile some 2,000 modules at every start."""
    script = """
import importlib.util, pathlib
for root in ("/opt/program", "/usr/local/lib/python3.13/dist-packages"):
    for source in pathlib.Path(root).rglob("*.py"):
        if not pathlib.Path(importlib.util.cache_from_source(source)).exists():
            compile(source.read_bytes(), source, "exec")
            print(source)
"""
    assert sh(f"python3 -W ignore - <<'E'\n{script}\nE") == ""
