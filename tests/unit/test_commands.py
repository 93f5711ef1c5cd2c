"""Commands in README, docs/ and examples/ are run by tests: each page with some has a test that reads it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN_BY = {
    "README.md": ("image/test_local_test.py", "contract/test_local_readme.py", "push/test_documented.py"),
    "docs/contract-check.md": ("image/test_contract_check.py",),
    "docs/image.md": ("push/test_documented.py",),
    "docs/multi-model.md": ("contract/test_multi_model.py",),
    "docs/operations.md": ("push/test_documented.py",),
    "docs/publishing.md": ("push/test_documented.py",),
    "examples/README.md": ("notebooks/test_committed.py",),
    "examples/aws/README.md": ("examples/test_readme.py",),
}
"""Of examples/README.md: what `make` would run; test_runs.py runs the same program. Of README.md: the scripts of
local_test, the requests, and the push, whose command is that of docs/publishing.md."""


def pages() -> list[str]:
    found = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    languages = {page: re.findall(r"^```(\w*)\n.*?^```$", page.read_text("utf-8"), re.M | re.S) for page in found}
    return sorted(
        str(page.relative_to(ROOT)) for page, of in languages.items() if {"", "bash", "console", "sh"} & {*of}
    )


def test_every_page_with_commands_has_a_test() -> None:
    assert pages() == sorted(RUN_BY)


@pytest.mark.parametrize(("page", "tests"), RUN_BY.items())
def test_it_reads_the_page(page: str, tests: tuple[str, ...]) -> None:
    name = Path(page).name
    assert any(name in (ROOT / "tests" / test).read_text("utf-8") for test in tests)
