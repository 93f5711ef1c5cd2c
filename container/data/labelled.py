"""JSON and JSON Lines as training data: rows or records with their target among them, or a Ground Truth manifest."""

import logging
from dataclasses import replace
from typing import Any

from container.data import manifest, structured
from container.data.table import Place, Table
from container.errors import DataError, listing

log = logging.getLogger(__name__)


def read(data: bytes, place: Place, lines: bool, label_attribute: str | None, delimiter: str | None) -> Table:
    """Read one value a line where ``lines``, else a JSON list of rows or records.

    ``{"features": [1, 2], "label": 0}`` is a row, the label first. A record may lack what others have; that counts
    as missing, as writers that leave nulls out mean it.

    Raises:
        DataError: what is no such JSON, with its line.
    """
    try:
        if lines:
            values, numbers = structured.json_lines(data)
            place = Place(place.name, "line", numbers.__getitem__)
        else:
            values, place = _listed(structured.loads(data, "the file")), Place(place.name, "record")
    except DataError as error:
        raise place.locate(error) from None
    if label_attribute is not None or manifest.is_manifest(values, place.name):
        table = manifest.read(values, place, label_attribute, delimiter)
    else:
        table = structured.to_table([_with_label(value, row, place) for row, value in enumerate(values)], place)
    if table.incomplete:
        names = listing(tuple(table.incomplete), 4)
        first = place.name, table.place.unit, table.place.line_of(min(table.incomplete.values()))
        log.info("some records lack %s, which counts as missing; the first is %s %s %d", names, *first)
    return replace(table, incomplete={})


def _listed(value: Any) -> list[Any]:
    if isinstance(value, dict):
        value = value.get("instances", [value])
    if not isinstance(value, list):
        raise DataError("the file is neither a JSON list nor an object", "write one record a line, as JSON Lines")
    return value


def _with_label(value: Any, row: int, place: Place) -> Any:
    if not (
        isinstance(value, dict) and set(value) <= {"features", "label"} and isinstance(value.get("features"), list)
    ):
        return value
    if "label" not in value:
        raise place.locate(DataError("the record has no 'label' beside its 'features'", "add it", row=row))
    return [value["label"], *value["features"]]
