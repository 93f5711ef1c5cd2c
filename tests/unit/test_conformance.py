"""docs/conformance.md names only tests and golden files that there are."""

import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "conformance.md").read_text("utf-8")


@cache
def names(file: str) -> set[str]:
    """The tests of a file."""
    return set(re.findall(r"^ *def (test_\w+)", (TESTS / file).read_text("utf-8"), re.M))


@pytest.mark.parametrize("found", sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE))), ids="::".join)
def test_it_exists(found: tuple[str, str]) -> None:
    file, name = found
    assert name in names(file)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"golden `([\w-]+\.txt)`", PAGE))))
def test_the_golden_file_exists(name: str) -> None:
    assert (TESTS / "golden" / "cases" / name).exists()


def test_every_row_has_one() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    heads = [line for line in rows if line.endswith(("| Test |", "| Here |"))]
    assert len(rows) > 50
    for row in rows:
        assert row in heads or "::test_" in row or "golden `" in row, row


def test_every_golden_file_is_reached() -> None:
    """Each shows something that the page promises, or it is not known what it is for."""
    shown = set(re.findall(r"golden `([\w-]+\.txt)`", PAGE))
    elsewhere = {"csv-long.txt", "json-errors.txt", "libsvm.txt", "parquet.txt"}
    assert {path.name for path in (TESTS / "golden" / "cases").iterdir()} - elsewhere <= shown
