"""A request's rows taken apart, so that those that can be read are found among those that cannot."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from container.data import delimited, dialect, structured
from container.data.formats import ContentType, Format, sniff
from container.data.schema import Schema
from container.data.table import Place, Table
from container.errors import DataError

_UTF8 = (None, "utf-8", "utf8", "us-ascii", "ascii")


@dataclass(frozen=True)
class Rows:
    """The rows of a CSV or JSON Lines request; ``records`` are their texts, blank lines among them.

    ``head`` is what stands before them, ``lines`` the 1-based line each begins on, and ``reader`` makes a table of
    a head and some records.
    """

    head: bytes
    records: list[bytes]
    lines: list[int]
    reader: Callable[[bytes], Table]
    delimiter: str = ","

    @classmethod
    def split(cls, data: bytes, content_type: ContentType, schema: Schema) -> "Rows | None":
        """The rows of a body, or None where it has none, or is of a format whose rows do not stand on their own.

        Raises:
            DataError: the body is not text, or its header is none.
        """
        chosen = content_type.format or sniff(data)
        if chosen not in (Format.CSV, Format.JSON_LINES):
            return None
        text = text_of(data, content_type.charset).rstrip(b"\r\n")
        if not text:
            return None
        if chosen is Format.JSON_LINES:
            records = text.splitlines(keepends=True)
            return cls(
                b"",
                records,
                list(range(1, len(records) + 1)),
                lambda part: structured.read_json_lines(delimited.decode_text(part, None), unused=schema.unused),
            )
        return cls._split_csv(text, content_type.header, schema)

    @classmethod
    def _split_csv(cls, text: bytes, header: bool | None, schema: Schema) -> "Rows | None":
        written = dialect.of_request(text, schema, header=header)
        if header is None and schema.named and not set(schema.names) <= set(written.names or ()):
            written = replace(written, names=None)  # not a header without all columns, but a row that cannot be read
        as_text = schema.text_positions(written.names, written.width)
        records, lines = _records(text, written.delimiter)
        first = 0
        if written.names is not None:
            first = 1 + next(place for place, record in enumerate(records) if record.strip(b"\r\n"))

        if first == len(records):
            return None

        def read(part: bytes) -> Table:
            return delimited.read(delimited.decode_text(part, None), written, Place(), as_text, schema.widths)

        return cls(b"".join(records[:first]), records[first:], lines[first:], read, written.delimiter)

    def read(self, start: int, stop: int) -> Table:
        """These records as a table with as many rows.

        Raises:
            DataError: at least one of them cannot be read.
        """
        records = b"".join(self.records[start:stop])
        if not records.strip(b"\r\n"):
            raise DataError("the line is blank", "send a row", place=f"line {self.lines[start]}")
        table = self.reader(self.head + records)
        if table.rows != stop - start:
            raise DataError(f"{stop - start} records are {table.rows} rows", place=f"line {self.lines[start]}")
        return table

    def alone(self, place: int) -> "Rows":
        """One record on its own, still on its line, so that what is said of it names that line."""
        blank = b"\n" * (self.lines[place] - 1 - len(self.head.splitlines()))
        return replace(self, head=self.head + blank, records=[self.records[place]], lines=[self.lines[place]])

    def is_quoted_whole(self, place: int) -> bool:
        """Whether a record's quotes stand about whole cells, so that line breaks within them are meant (RFC 4180)."""
        text = self.records[place].decode(errors="replace")
        try:
            return len(list(csv.reader([text], delimiter=self.delimiter, strict=True))) == 1
        except csv.Error:
            return False

    def by_line(self, place: int) -> "Rows":
        """One record's lines as records of their own, for a quote too many may have made one of them."""
        records = self.records[place].splitlines(keepends=True)
        first = self.lines[place]
        return replace(self, records=records, lines=list(range(first, first + len(records))))


def text_of(data: bytes, charset: str | None) -> bytes:
    """UTF-8, or what was meant to be: the rows that are not are for the reader to refuse.

    Raises:
        DataError: it is no text in another charset that is named.
    """
    if charset is None or charset.casefold() in _UTF8:
        return data.removeprefix(b"\xef\xbb\xbf")
    return delimited.decode_text(data, charset)


def _records(text: bytes, delimiter: str) -> tuple[list[bytes], list[int]]:
    """The records, with the line breaks within their quotes, and the 1-based line each begins on."""
    lines = text.splitlines(keepends=True)
    if b'"' not in text:
        return lines, list(range(1, len(lines) + 1))
    starts = _starts(lines, delimiter)
    pairs = zip(starts, [*starts[1:], len(lines)], strict=True)
    return [b"".join(lines[start:stop]) for start, stop in pairs], [start + 1 for start in starts]


def _starts(lines: Sequence[bytes], delimiter: str) -> list[int]:
    """Where records begin; a line that opens a quote which is never closed is one of its own."""
    texts = [*(line.decode(errors="replace") for line in lines), "the end"]
    starts, start = [], 0
    while start < len(lines):
        reader, first = csv.reader(islice(texts, start, None), delimiter=delimiter), start
        for _ in reader:
            if start < len(lines):
                starts.append(start)
                stop = first + reader.line_num
                if stop > len(lines):  # the end has become part of a quoted cell
                    start += 1
                    break
                start = stop
    return starts
