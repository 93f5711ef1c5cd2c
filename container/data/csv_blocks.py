"""A large CSV file to tables, a block of rows each, so that never more than a block of it is in memory as text.

The tables are those the file would give whole, cut into pieces: same columns, same cells. What only a later row tells
(a column of numbers holds text, a quote may hold a line break) makes reading begin anew.
"""

import io
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from container.data import csv_arrow, csv_plain, csv_rows
from container.data.csv_rows import Dialect
from container.data.delimited import all_missing, without_blank_column
from container.data.spill import Spill
from container.data.table import Numbers, Place, Table
from container.data.text import Text
from container.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

CELLS = 1 << 21
"""Cells of a table: 16 MB as float64."""
_LONGEST_ROW = 1 << 30


@dataclass(frozen=True)
class CsvFile:
    """One file: how to open it anew, how it is written, and as for `delimited.read` what is known of its columns."""

    again: Callable[[], Text]
    dialect: Dialect
    place: Place
    text: Collection[int] = ()
    widths: Collection[int] = ()

    def tables(self, opened: Text, head: bytes, spill: Spill) -> list[Table]:
        """Read it, ``opened`` and not read from yet; ``head`` is its start, with `csv_arrow.SAMPLE` rows at least.

        ``spill`` keeps each table before the next is read.

        Raises:
            DataError: as `delimited.read`.
        """
        with ExitStack() as opened_anew:
            try:
                return self._tables(opened, head, spill, lambda: opened_anew.enter_context(self.again()))
            except DataError as error:
                raise self.from_row(0).locate(error) from None

    def _tables(self, stream: Text, head: bytes, spill: Spill, again: Callable[[], Text]) -> list[Table]:
        from pyarrow import ArrowInvalid

        as_text, width, rows = csv_arrow.sampled(head, self.dialect, self.text)
        if not rows:
            table = Table(csv_arrow.empty(width), None, 0, self.from_row(0))
            return without_blank_column([table], self.dialect, self.widths, blank=True)
        block_size, quoted, held = csv_arrow.BLOCK, b'"' in head, spill.held
        if not as_text and not quoted and csv_plain.reads(self.dialect.delimiter):
            try:
                return self._plain(stream, width, spill)
            except csv_plain.NotPlainError:
                stream, spill.held = again(), held
        while True:
            tables, blank = list[Table](), True
            try:
                for table in self._read(stream, csv_arrow.options(self.dialect, as_text, width, block_size, quoted)):
                    blank = blank and all_missing(table.columns[-1])
                    tables.append(spill.keep(table))
                    if stream.quotes and not quoted:
                        break
            except ArrowInvalid as error:
                if stream.quotes and not quoted:
                    pass  # what went wrong may be a line break between them
                elif not csv_arrow.widen(error, as_text):
                    self._check_quotes(stream)
                    if not csv_arrow.straddles(error) or block_size >= _LONGEST_ROW:
                        with self._anew() as anew:
                            raise csv_rows.first_ragged_row(anew, self.dialect, width, plain=stream.plain) from None
                    block_size = min(block_size * 16, _LONGEST_ROW)
            else:
                if quoted or not stream.quotes:
                    self._check_quotes(stream)
                    return without_blank_column(tables, self.dialect, self.widths, blank)
            quoted = stream.quotes > 0
            stream, spill.held = again(), held

    def _plain(self, stream: Text, width: int, spill: Spill) -> list[Table]:
        tables, start, blank = list[Table](), 0, True
        header = self.dialect.names is not None
        for columns in csv_plain.blocks(stream, header, width, max(1, CELLS // width)):
            place = self.from_row(start, plain=stream.plain)
            table = Table([Numbers(values) for values in columns], None, len(columns[0]), place)
            start, blank = start + table.rows, blank and all_missing(table.columns[-1])
            tables.append(spill.keep(table))
        return without_blank_column(tables, self.dialect, self.widths, blank)

    def _read(self, stream: Text, options: dict[str, Any]) -> Iterator[Table]:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        stream.skip(b"\r\n")  # arrow would count blank lines as the header
        width = len(options["read_options"].column_names)
        most = max(1, CELLS // width)
        start, rows, batches = 0, 0, list[pa.RecordBatch]()
        for batch in arrow_csv.open_csv(stream, **options):
            batches.append(batch)
            rows += batch.num_rows
            if rows >= most:
                yield self._table(batches, start, stream)
                start, rows, batches = start + rows, 0, []
        if rows or not start:
            yield self._table(batches, start, stream, width)

    def _table(self, batches: "list[pa.RecordBatch]", start: int, stream: Text, width: int = 0) -> Table:
        import pyarrow as pa

        columns = csv_arrow.columns(pa.Table.from_batches(batches)) if batches else csv_arrow.empty(width)

        rows = sum(batch.num_rows for batch in batches)
        return Table(columns, None, rows, self.from_row(start, plain=stream.plain))

    def from_row(self, start: int, *, plain: bool = False) -> Place:
        """The place of rows from this one on; ``plain`` as for `csv_rows.line_of`."""

        def line_of(row: int) -> int:
            with self._anew() as stream:
                return csv_rows.line_of(stream, self.dialect, start + row, plain=plain)

        return Place(self.place.name, self.place.unit, line_of)

    def _anew(self) -> BinaryIO:
        return cast(BinaryIO, io.BufferedReader(self.again()))

    def _check_quotes(self, stream: Text) -> None:
        if stream.quotes % 2:
            with self._anew() as anew:
                csv_rows.check_quotes(anew, self.dialect.delimiter)
