"""The images stay small: a platform pulls them for every job and every endpoint."""

import re
from pathlib import Path

import pytest

from tests.conftest import IMAGE
from tests.image.conftest import docker

PAGE = Path(__file__).parents[2] / "docs" / "image.md"


@pytest.mark.parametrize(
    ("image", "row", "most"),
    [pytest.param(IMAGE, "default", 1100, id="default"), pytest.param(f"{IMAGE}:cpu", "`:cpu`", 600, id="cpu")],
)
def test_unpacked_size(image: str, row: str, most: int) -> None:
    megabytes = int(docker("image", "inspect", "-f", "{{.Size}}", image)) / 1_000_000
    assert megabytes <= most
    (documented,) = re.findall(rf"\| {row} \| (\d+) MB \|", PAGE.read_text())
    # Within what bases of Debian's slim image differ by.
    assert megabytes == pytest.approx(int(documented), abs=60)
