"""The images stay small: a platform pulls them for every job and every endpoint."""

import pytest

from tests.conftest import IMAGE
from tests.image.conftest import docker


@pytest.mark.parametrize(
    ("image", "megabytes"),
    [pytest.param(IMAGE, 1100, id="default"), pytest.param(f"{IMAGE}:cpu", 600, id="cpu")],
)
def test_unpacked_size(image: str, megabytes: int) -> None:
    assert int(docker("image", "inspect", "-f", "{{.Size}}", image)) <= megabytes * 1_000_000
