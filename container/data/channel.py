"""A channel to tables, one a file or several, in the sorted order of the paths, all with the same columns."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

from container.data import feature_store
from container.data.files import CsvOptions, Layout, read_file
from container.data.formats import AnyTable, ContentType
from container.data.pipe import read_pipe
from container.data.sources import Source, data_files, has_files, read_folder
from container.data.spill import Spill
from container.data.table import Table
from container.errors import DataError, UserError, listing

__all__ = ["CsvOptions", "Layout", "data_files", "has_files", "read_channel"]

log = logging.getLogger(__name__)


def read_channel(
    path: Path,
    content_type: str | None,
    options: CsvOptions,
    layout: Layout | None = None,
    *,
    pipe: bool = False,
    wrapped: bool = False,
    spill: Spill | None = None,
) -> Iterator[AnyTable]:
    """Read every file below ``path``; each must fit ``layout``, or where that is None, the first file's.

    A large file is several tables. ``spill`` puts on disk what is beyond its share of memory; without it all stays.
    With ``pipe``, ``path`` is the stem of the channel's FIFOs, and ``wrapped`` says that the stream is RecordIO.
    Files that have Feature Store's columns of metadata are reduced to the latest state of each record.

    Raises:
        DataError: no files, a file that cannot be read as its format, or one with other columns.
        UserError: an option that does not fit the data, or a disk that cannot take it.
        UnsupportedMediaTypeError: a content type that is not read.
    """
    declared = ContentType.parse(content_type)
    spill = spill or Spill()
    if declared.header is not None:
        options = replace(options, header=declared.header)
    if pipe:
        files = read_pipe(path, wrapped, declared.format, spill)
        options = replace(options, streamed=True)
    else:
        files = read_folder(path)
    tables = _read_files(files, declared, options, layout, spill)
    for table in _reduce(tables, options, path.name, spill):
        if isinstance(table, Table):
            layout = layout or Layout.of(table)
            table = _fit(table, layout)
        yield table


def _read_files(
    files: Iterator[Source], declared: ContentType, options: CsvOptions, layout: Layout | None, spill: Spill
) -> Iterator[AnyTable]:
    for source in files:
        tables = read_file(source, declared, options, layout, spill)
        if not tables:
            log.info("%s is empty and passed over", source.place.name)
            continue
        if isinstance(tables[0], Table):
            layout = layout or Layout.of(tables[0])
        yield from tables


def _reduce(tables: Iterator[AnyTable], options: CsvOptions, channel: str, spill: Spill) -> Iterator[AnyTable]:
    """The tables as they are, or of a Feature Store offline store, which needs all at once, the latest records."""
    first = next(tables, None)
    if first is None:
        return
    if isinstance(first, Table) and feature_store.is_offline_store(first):
        if options.sharded:
            raise UserError(
                f"the channel {channel!r} is a Feature Store offline store in shards, and the writes of one record may "
                "lie in several; set the channel's S3DataDistributionType to FullyReplicated"
            )
        stored = [first, *tables]
        for table in feature_store.latest_records(stored, options.record_identifier, options.event_time, channel):
            yield spill.keep(table)
        return
    if options.record_identifier is not None or options.event_time is not None:
        raise UserError(
            f"'record_identifier' and 'event_time' are of a Feature Store offline store, and {first.place.name} lacks "
            f"the columns {', '.join(feature_store.METADATA)}; leave both out, or give the channel the store's files"
        )
    yield from chain([first], tables)


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
