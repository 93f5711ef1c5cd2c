"""A module is read in one go."""

from pathlib import Path

CONTAINER = Path(__file__).parents[2] / "container"


def test_no_module_is_long():
    long = {path: count for path in CONTAINER.rglob("*.py") if (count := len(path.read_text().splitlines())) > 250}
    assert not long
