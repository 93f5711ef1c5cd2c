"""A channel's folder to tables, one a file, in the sorted order of the paths."""

import gzip
import logging
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from container.data import columnar, delimited, dialect, libsvm
from container.data.delimited import Dialect
from container.data.formats import AnyTable, ContentType, Format, sniff
from container.data.inference import Reference, resolve
from container.data.table import Place, Table
from container.errors import DataError, UnsupportedMediaTypeError, listing

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CsvOptions:
    """What the user said of the files and their columns; None means: find out."""

    header: bool | None = None
    delimiter: str | None = None
    mentioned: tuple[str, ...] = ()
    categorical: tuple[Reference, ...] = ()
    ignored: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class Layout:
    """The columns every file of a job must have: names where there are any, and how many."""

    names: tuple[str, ...] | None
    width: int

    @classmethod
    def of(cls, table: Table) -> "Layout":
        return cls(table.names, len(table.columns))


def read_channel(
    folder: Path, content_type: str | None, options: CsvOptions, layout: Layout | None = None
) -> Iterator[AnyTable]:
    """Read every file below ``folder``; each must fit ``layout``, or where that is None, the first file's.

    Raises:
        DataError: no files, a file that cannot be read as its format, or one with other columns.
        UnsupportedMediaTypeError: a content type that training does not read.
    """
    declared = ContentType.parse(content_type)
    if declared.header is not None:
        options = replace(options, header=declared.header)
    for path in data_files(folder):
        place = Place(path.relative_to(folder.parent).as_posix())
        data = _bytes_of(path, place)
        if not data.strip():
            log.info("%s is empty and passed over", place.name)
            continue
        table = _read(data, declared, options, layout, place)
        if isinstance(table, Table):
            layout = layout or Layout.of(table)
            table = _fit(table, layout)
        yield table


def has_files(folder: Path) -> bool:
    """Whether there is anything to read below a channel's folder."""
    return any(path.is_file() and not _is_hidden(path, folder) for path in folder.rglob("*"))


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)


def data_files(folder: Path) -> list[Path]:
    """The files below a channel's folder, sorted; hidden and marker files (``.x``, ``_SUCCESS``) are left out.

    Raises:
        DataError: there is none, or the folder is not there.
    """
    if not folder.is_dir():
        raise DataError(f"the channel {folder.name!r} has no folder {folder}", "give the training job that channel")
    found: list[Path] = []
    passed_over: list[Path] = []
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            continue
        (passed_over if _is_hidden(path, folder) else found).append(path)
    if passed_over:
        names = tuple(path.relative_to(folder).as_posix() for path in passed_over)
        log.info("passed over hidden and marker files in %s: %s", folder.name, listing(names))
    if not found:
        raise DataError(f"the channel {folder.name!r} has no files", f"put the data into {folder}")
    return found


def _bytes_of(path: Path, place: Place) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"the gzip file is damaged: {error}", "compress it again", place=place.name) from None
    except OSError as error:
        raise DataError(
            f"the file cannot be read: {error.strerror}", "check its permissions", place=place.name
        ) from None


def _read(data: bytes, declared: ContentType, options: CsvOptions, layout: Layout | None, place: Place) -> AnyTable:
    found = sniff(data)
    chosen = declared.format or found
    if chosen is not found and Format.PARQUET in (chosen, found):
        what = "is Parquet" if found is Format.PARQUET else "is not Parquet"
        raise DataError(
            f"the file {what}, but the channel's content type says {chosen.value}",
            "set the channel's ContentType to what the files are",
            place=place.name,
        )
    if chosen is Format.PARQUET:
        return columnar.read(data, place, unwanted=lambda names: _ignored(names, options))
    if chosen not in (Format.CSV, Format.LIBSVM):
        raise UnsupportedMediaTypeError(
            f"training cannot read {chosen.value} ({place.name}); give it CSV, LIBSVM or Parquet"
        )
    try:
        text = delimited.decode_text(data, declared.charset)
    except DataError as error:
        raise place.locate(error) from None
    if chosen is Format.LIBSVM:
        return libsvm.read(text, place)
    if declared.format is Format.CSV and found is Format.LIBSVM:
        log.warning("%s looks like LIBSVM, but its content type says CSV, and so it is read", place.name)
    written = _dialect(text, options, layout, place)
    as_text = {resolve(ref, written.names, written.width, "categorical_columns") for ref in options.categorical}
    return delimited.read(text, written, place, as_text, (layout.width,) if layout else ())


def _ignored(names: tuple[str, ...], options: CsvOptions) -> set[str]:
    return {names[resolve(reference, names, len(names), "ignore_columns")] for reference in options.ignored}


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


def _fit(table: Table, layout: Layout) -> Table:
    """The table with its columns in the layout's order.

    Raises:
        DataError: it has other columns.
    """
    name = table.place.name
    if table.names is None or layout.names is None:
        if len(table.columns) != layout.width:
            raise DataError(
                f"the file has {len(table.columns)} columns where the training data before it has {layout.width}",
                "give every file the same columns",
                place=name,
            )
        return replace(table, names=layout.names)
    absent = [column for column in layout.names if column not in table.names]
    extra = [column for column in table.names if column not in layout.names]
    if absent or extra:
        cause = f"the file lacks {listing(tuple(absent))}" if absent else f"the file also has {listing(tuple(extra))}"
        raise DataError(f"{cause}, unlike the training data before it", "give every file the same columns", place=name)
    if table.names == layout.names:
        return table
    place = {column: index for index, column in enumerate(table.names)}
    return replace(table, columns=[table.columns[place[column]] for column in layout.names], names=layout.names)
