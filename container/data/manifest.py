"""Ground Truth's output manifests: JSON Lines with a row in ``source`` and its label in an attribute beside it.

Source: AWS's developer guide, "Labeling job output data": ``<label>`` comes with ``<label>-metadata``, which holds
``class-name`` where the label is a class; lines that were not labelled lack both.
"""

import logging
from collections.abc import Sequence
from typing import Any

from container.data import delimited, dialect, structured
from container.data.structured import to_column, to_table
from container.data.table import Place, Table
from container.errors import DataError, listing

log = logging.getLogger(__name__)

_METADATA = "-metadata"
_SOURCES = "write the row itself into 'source', as CSV text, a JSON list or a JSON object"


def is_manifest(values: Sequence[Any], name: str) -> bool:
    """Whether these lines are a manifest: by the file's name, a ``source-ref``, or a ``source`` beside metadata."""
    return name.endswith(".manifest") or any(
        isinstance(value, dict)
        and ("source-ref" in value or ("source" in value and any(key.endswith(_METADATA) for key in value)))
        for value in values
    )


def read(values: Sequence[Any], place: Place, label_attribute: str | None, delimiter: str | None) -> Table:
    """The labelled lines as a table, the label first, named after its class where the metadata says it.

    ``label_attribute`` and ``delimiter``, of CSV text in ``source``, are found out where they are None.

    Raises:
        DataError: no line has a label, which attribute is the label is not clear, or a line has no row in it.
    """
    try:
        for row, value in enumerate(values):
            if not isinstance(value, dict):
                raise DataError("the line is not a JSON object", "write a manifest, an object a line", row=row)
        attribute = label_attribute or _find_label(values)
        labelled = [row for row, value in enumerate(values) if value.get(attribute) is not None]
    except DataError as error:
        raise place.locate(error) from None
    if not labelled:
        there = listing(tuple(dict.fromkeys(key for value in values for key in value)))
        raise DataError(
            f"no line has a label {attribute!r}", f"name it in label_attribute; there are {there}", place=place.name
        )
    if skipped := len(values) - len(labelled):
        log.info("%s: %d of %d lines have no label %r and are left out", place.name, skipped, len(values), attribute)
    line_of = place.line_of
    place = Place(place.name, place.unit, lambda row: line_of(labelled[row]))
    lines = [values[row] for row in labelled]
    try:
        label = to_column(_labels(lines, attribute), attribute)
        table = _rows([_source(line, row) for row, line in enumerate(lines)], place, delimiter)
        if table.names is not None and attribute in table.names:
            raise DataError(f"'source' has a {attribute!r} too", "give the label a name of its own")
    except DataError as error:
        raise place.locate(DataError(error.cause, error.remedy, row=error.row, column=error.column)) from None
    names = None if table.names is None else (attribute, *table.names)
    return Table([label, *table.columns], names, table.rows, place, table.incomplete)


def _find_label(values: Sequence[dict[str, Any]]) -> str:
    found = {key for value in values for key in value if key + _METADATA in value}
    if len(found) == 1:
        return found.pop()
    cause = f"the manifest has the labels {listing(sorted(found))}" if found else "the manifest has no label"
    raise DataError(cause, "name the attribute that holds the label in label_attribute")


def _labels(lines: Sequence[dict[str, Any]], attribute: str) -> list[Any]:
    """The class names where there are any, else the labels."""
    named: dict[str, str] = {}
    for line in lines:
        metadata = line.get(attribute + _METADATA)
        if isinstance(metadata, dict) and isinstance(name := metadata.get("class-name"), str):
            named[str(line[attribute])] = name
    return [named.get(str(line[attribute]), line[attribute]) for line in lines]


def _source(line: dict[str, Any], row: int) -> Any:
    source = line.get("source")
    if source is None:
        cause = "the line has only a reference (source-ref)" if "source-ref" in line else "the line has no 'source'"
        raise DataError(f"{cause}, and training reads rows", _SOURCES, row=row)
    if not isinstance(source, str):
        return source if isinstance(source, list | dict) else [source]
    if source.lstrip().startswith(("[", "{")):
        try:
            return structured.loads(source.encode(), "'source'")
        except DataError as error:
            raise DataError(error.cause, _SOURCES, row=row) from None
    source = source.strip("\r\n")
    if not source.strip() or "\n" in source or source.count('"') % 2:
        raise DataError("'source' does not hold one row of CSV", _SOURCES, row=row)
    return source


def _rows(sources: Sequence[Any], place: Place, delimiter: str | None) -> Table:
    if not all(isinstance(source, str) for source in sources):
        for row, source in enumerate(sources):
            if type(source) is not type(sources[0]):
                raise DataError("'source' is of another form than in the lines before", _SOURCES, row=row)
        return to_table(sources, place)
    text = "\n".join(sources).encode()
    written = dialect.of_training(text, header=False, delimiter=delimiter, mentioned=())
    return delimited.read(text, written, place)
