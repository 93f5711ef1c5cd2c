"""docs/data.md says what is read."""

from pathlib import Path

import pytest

from container.data.feature_store import METADATA
from container.data.formats import MEDIA_TYPES

PAGE = (Path(__file__).parents[3] / "docs" / "data.md").read_text()


@pytest.mark.parametrize("name", [*MEDIA_TYPES, *METADATA, "label_attribute", "record_identifier", "event_time"])
def test_every_name_is_on_the_page(name):
    assert f"`{name}`" in PAGE
