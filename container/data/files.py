"""One file of a channel to a table, as its content type says, or failing that its bytes."""

from dataclasses import dataclass, replace

from container.data import columnar, delimited, dialect, labelled, libsvm, recordio_protobuf
from container.data.delimited import Dialect
from container.data.formats import AnyTable, ContentType, Format, sniff
from container.data.inference import Reference, resolve
from container.data.table import Place, Table
from container.errors import DataError, UserError

_BINARY_NAMES = {Format.PARQUET: "Parquet", Format.RECORDIO: "RecordIO"}


@dataclass(frozen=True)
class CsvOptions:
    """What the user said of the files and their columns; None means: find out.

    Of the channel: ``streamed`` says that a file may be several, each with its header, one after the other, and
    ``sharded`` that other hosts have other files of it.
    """

    header: bool | None = None
    delimiter: str | None = None
    mentioned: tuple[str, ...] = ()
    categorical: tuple[Reference, ...] = ()
    group: Reference | None = None
    ignored: tuple[Reference, ...] = ()
    csv_weights: bool = False
    label_attribute: str | None = None
    record_identifier: str | None = None
    event_time: str | None = None
    streamed: bool = False
    sharded: bool = False


@dataclass(frozen=True)
class Layout:
    """The columns every file of a job must have: names where there are any, and how many."""

    names: tuple[str, ...] | None
    width: int

    @classmethod
    def of(cls, table: Table) -> "Layout":
        return cls(table.names, len(table.columns))


def read_file(data: bytes, declared: ContentType, options: CsvOptions, layout: Layout | None, place: Place) -> AnyTable:
    """Read one file; ``layout`` is that of the files before it, which tells a header from a row.

    Raises:
        DataError: it is not of the format it should be, or its rows cannot be read; with the file and line.
        UserError: an option names a column that is not there.
    """
    found = sniff(data)
    chosen = declared.format or found
    if chosen is not found and (binary := {chosen, found} & set(_BINARY_NAMES)):
        what = f"is {_BINARY_NAMES[found]}" if found in binary else f"is not {_BINARY_NAMES[chosen]}"
        raise DataError(
            f"the file {what}, but the channel's content type says {chosen.value}",
            "set the channel's ContentType to what the files are",
            place=place.name,
        )
    table = _read_as(chosen, found, data, declared, options, layout, place)
    if options.csv_weights and chosen is not Format.CSV and isinstance(table, Table):
        raise UserError(
            f"'csv_weights' is for CSV, and {place.name} is {chosen.value}; name the weights' column in weight_column"
        )
    return table


def _read_as(
    chosen: Format,
    found: Format,
    data: bytes,
    declared: ContentType,
    options: CsvOptions,
    layout: Layout | None,
    place: Place,
) -> AnyTable:
    if chosen is Format.PARQUET:
        return columnar.read(data, place, unwanted=lambda names: _ignored(names, options))
    if chosen is Format.RECORDIO:
        return recordio_protobuf.read(data, place)
    try:
        text = delimited.decode_text(data, declared.charset)
    except DataError as error:
        raise place.locate(error) from None
    if chosen is Format.LIBSVM:
        return libsvm.read(text, place)
    if chosen in (Format.JSON, Format.JSON_LINES):
        lines = Format.JSON_LINES in (chosen, found)
        return labelled.read(text, place, lines, options.label_attribute, options.delimiter)
    if declared.format is Format.CSV and found is Format.LIBSVM and options.delimiter is None:
        raise DataError(
            "the file is LIBSVM, but the channel's content type says csv",
            "set the channel's ContentType to what the files are, or 'delimiter' if it is CSV",
            place=place.name,
        )
    return _read_csv(text, options, layout, place)


def _ignored(names: tuple[str, ...], options: CsvOptions) -> set[str]:
    return {names[resolve(reference, names, len(names), "ignore_columns")] for reference in options.ignored}


def _read_csv(text: bytes, options: CsvOptions, layout: Layout | None, place: Place) -> Table:
    written = _dialect(text, options, layout, place)
    if options.streamed and written.names is not None:
        text = _without_repeats(text)
    as_text = {resolve(ref, written.names, written.width, "categorical_columns") for ref in options.categorical}
    if options.group is not None:  # ids may have more digits than a float64
        as_text.add(resolve(options.group, written.names, written.width, "group_column"))
    return delimited.read(text, written, place, as_text, (layout.width,) if layout else ())


def _without_repeats(text: bytes) -> bytes:
    """The text without lines equal to the first; a blank line is left for each, so that lines keep their numbers."""
    header, end, rows = text.partition(b"\n")
    return header + end + b"\n".join(b"" if line == header else line for line in rows.split(b"\n"))


def _dialect(text: bytes, options: CsvOptions, layout: Layout | None, place: Place) -> Dialect:
    try:
        written = dialect.of_training(
            text, header=options.header, delimiter=options.delimiter, mentioned=options.mentioned
        )
        if layout is None or options.header is not None:
            return written
        rows = delimited.first_rows(text, written.delimiter, 2)
        if layout.names is not None and set(rows[0]) >= set(layout.names):
            return replace(written, names=dialect.header_names(rows[0]))
        if len(rows) == 1 and not set(rows[0]) & {*(layout.names or ()), *options.mentioned}:
            return replace(written, names=None)  # the one row of a last shard, all of it text
        return written
    except DataError as error:
        raise place.locate(error) from None
