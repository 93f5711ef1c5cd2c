"""One file of a channel to tables, as its content type says, or failing that its bytes."""

from dataclasses import dataclass, replace

from container.data import columnar, csv_arrow, delimited, dialect, labelled, libsvm, recordio_protobuf
from container.data.csv_blocks import CsvFile
from container.data.csv_rows import Dialect
from container.data.formats import SNIFFED, AnyTable, ContentType, Format, check_known, sniff
from container.data.inference import Reference, resolve
from container.data.sources import Source
from container.data.spill import Spill
from container.data.stream import Ahead
from container.data.table import Place, Table
from container.data.text import Text
from container.errors import DataError, UserError

HEAD = 1 << 20
"""Bytes at least from which a CSV file's dialect is told."""

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


def read_file(
    source: Source, declared: ContentType, options: CsvOptions, layout: Layout | None, spill: Spill
) -> list[AnyTable]:
    """Read one file, none if it is empty, in one table or, of a large one, several.

    ``layout`` is that of the files before it, which tells a header from a row.

    Raises:
        DataError: it is not of the format it should be, or its rows cannot be read; with the file and line.
        UserError: an option names a column that is not there, or the disk cannot take what is beyond memory.
    """
    with source.open() as raw:
        return [] if raw.is_blank() else _read(source, raw, declared, options, layout, spill)


def _read(
    source: Source, raw: Ahead, declared: ContentType, options: CsvOptions, layout: Layout | None, spill: Spill
) -> list[AnyTable]:
    place = source.place
    found = sniff(raw.ahead(SNIFFED))
    chosen = declared.format or found
    if chosen is not found and (binary := {chosen, found} & set(_BINARY_NAMES)):
        what = f"is {_BINARY_NAMES[found]}" if found in binary else f"is not {_BINARY_NAMES[chosen]}"
        raise DataError(
            f"the file {what}, but the channel's content type says {chosen.value}",
            "set the channel's ContentType to what the files are",
            place=place.name,
        )
    try:
        check_known(raw.ahead(SNIFFED))
        tables = _read_as(chosen, found, source, raw, declared, options, layout, spill)
    except DataError as error:
        raise place.locate(error) from None
    if options.csv_weights and chosen is not Format.CSV and isinstance(tables[0], Table):
        raise UserError(
            f"'csv_weights' is for CSV, and {place.name} is {chosen.value}; name the weights' column in weight_column"
        )
    return [tables[0], *(replace(table, continues=True) for table in tables[1:])]


def _read_as(
    chosen: Format,
    found: Format,
    source: Source,
    raw: Ahead,
    declared: ContentType,
    options: CsvOptions,
    layout: Layout | None,
    spill: Spill,
) -> list[AnyTable]:
    place = source.place
    if chosen is Format.PARQUET:
        known = {*options.mentioned, options.record_identifier or "", options.event_time or ""}
        blocks = columnar.read_blocks(
            spill.spool(raw), place, lambda names: _ignored(names, options), spill.keep, known
        )
        return [*blocks]
    if chosen is Format.RECORDIO:
        return recordio_protobuf.read_blocks(raw, place, spill.keep)
    text = Text(raw, declared.charset)
    if chosen is Format.LIBSVM:
        return [*libsvm.read_blocks(text, place, spill.keep)]
    if chosen in (Format.JSON, Format.JSON_LINES):
        lines = Format.JSON_LINES in (chosen, found)
        return [spill.keep(labelled.read(text.readall(), place, lines, options.label_attribute, options.delimiter))]
    if declared.format is Format.CSV and found is Format.LIBSVM and options.delimiter is None:
        raise DataError(
            "the file is LIBSVM, but the channel's content type says csv",
            "set the channel's ContentType to what the files are, or 'delimiter' if it is CSV",
            place=place.name,
        )
    return [*_read_csv(source, text, declared.charset, options, layout, spill)]


def _ignored(names: tuple[str, ...], options: CsvOptions) -> set[str]:
    return {names[resolve(reference, names, len(names), "ignore_columns")] for reference in options.ignored}


def _read_csv(
    source: Source, text: Text, charset: str | None, options: CsvOptions, layout: Layout | None, spill: Spill
) -> list[Table]:
    """The file's rows; of a file of no more than ``HEAD`` bytes in one table, of others in blocks."""
    head = dialect.head(text, options.delimiter, HEAD, csv_arrow.SAMPLE + 1)
    written = _dialect(head, options, layout, source.place)
    if options.streamed and written.names is not None:
        text.header_once()
    as_text = {resolve(ref, written.names, written.width, "categorical_columns") for ref in options.categorical}
    if options.group is not None:  # ids may have more digits than a float64
        as_text.add(resolve(options.group, written.names, written.width, "group_column"))
    widths = (layout.width,) if layout else ()

    def again() -> Text:
        anew = Text(source.open(), charset)
        if options.streamed and written.names is not None:
            anew.header_once()
        return anew

    file = CsvFile(again, written, source.place, as_text, widths)
    most = max(HEAD, delimited.most_for_csv(written.width))
    if len(text.ahead(most + 1)) > most:
        return file.tables(text, head, spill)
    table = delimited.read(text.readall(), written, source.place, as_text, widths)
    return [spill.keep(replace(table, place=file.from_row(0)))]  # whose own place keeps the text


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
