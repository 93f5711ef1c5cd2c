"""`train`, `serve`, `python3` and `pip`: what the platform and the SDKs call by name."""

from collections.abc import Callable

import pytest


@pytest.mark.parametrize(
    ("program", "interpreter"),
    [("train", "env -S GLIBC_TUNABLES=glibc.malloc.hugetlb=1 python3"), ("serve", "env python3")],
)
def test_ours_is_the_first_on_path(sh: Callable[..., str], program: str, interpreter: str) -> None:
    """sagemaker-training installs a `train` of its own, further down."""
    path = f"/opt/program/{program}"
    assert sh(f"command -v {program}") == path
    assert sh(f"head -1 {path}") == f"#!/usr/bin/{interpreter}"
    assert sh(f"test -x {path} && tr -dc '\\r' <{path} | wc -c") == "0"


def test_python3_is_the_one_that_has_xgboost_and_pip(sh: Callable[..., str]) -> None:
    assert sh("python3 -c 'import xgboost, sys; print(sys.version_info[:2])'") == "(3, 13)"
    assert "python 3.13" in sh("pip --version")
    assert "python 3.13" in sh("python3 -m pip --version")


def test_container_can_be_imported_from_anywhere(sh: Callable[..., str]) -> None:
    script = "cd /tmp && echo 'import container; print(container.__file__)' >script.py && python3 script.py"
    assert sh(script) == "/opt/program/container/__init__.py"


WHEEL = """
import zipfile
info = "from_requirements-1.dist-info"
with zipfile.ZipFile("/tmp/from_requirements-1-py3-none-any.whl", "w") as wheel:
    wheel.writestr("from_requirements.py", "VALUE = 7")
    wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: from-requirements\\nVersion: 1\\n")
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(f"{info}/RECORD", "")
"""


@pytest.mark.parametrize("user", ["root", "1000:1000"])
def test_pip_installs_what_a_script_asks_for(sh: Callable[..., str], user: str) -> None:
    """Neither Debian's lock on its packages nor missing rights to them stand in the way."""
    script = f"""
python3 -c '{WHEEL}'
pip install --quiet --no-index /tmp/*.whl >&2
python3 -c 'import from_requirements; print(from_requirements.VALUE)'
"""
    assert sh(script, "--user", user, "--env", "HOME=/tmp") == "7"
