"""The registry of formats: a content type, or failing that the bytes, to the reader that takes them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from enum import StrEnum

from container.data import columnar, delimited, dialect, libsvm, recordio, recordio_protobuf, structured
from container.data.schema import Schema
from container.data.sources import GZIP
from container.data.table import Place, SparseTable, Table
from container.errors import DataError, UnsupportedMediaTypeError, UserError

AnyTable = Table | SparseTable


class Format(StrEnum):
    """A way rows are written down."""

    CSV = "csv"
    LIBSVM = "libsvm"
    PARQUET = "parquet"
    JSON = "json"
    JSON_LINES = "jsonlines"
    RECORDIO = "recordio-protobuf"


MEDIA_TYPES = {
    "text/csv": Format.CSV,
    "csv": Format.CSV,
    "application/csv": Format.CSV,
    "text/libsvm": Format.LIBSVM,
    "text/x-libsvm": Format.LIBSVM,
    "application/x-libsvm": Format.LIBSVM,
    "libsvm": Format.LIBSVM,
    "application/x-parquet": Format.PARQUET,
    "application/vnd.apache.parquet": Format.PARQUET,
    "application/parquet": Format.PARQUET,
    "parquet": Format.PARQUET,
    "application/json": Format.JSON,
    "application/jsonlines": Format.JSON_LINES,
    "application/x-jsonlines": Format.JSON_LINES,
    "application/jsonl": Format.JSON_LINES,
    "application/x-ndjson": Format.JSON_LINES,
    "application/x-recordio-protobuf": Format.RECORDIO,
    "recordio-protobuf": Format.RECORDIO,
}
"""Every spelling that is accepted: the built-in algorithm's, the registered ones, and those clients send."""

_OPAQUE = ("", "application/octet-stream", "application/x-www-form-urlencoded", "text/plain", "*/*")
"""What HTTP clients send when they were told nothing; the bytes decide then."""

SNIFFED = 4096
"""Bytes of a file that tell its format."""

BINARY = {b"PAR1": Format.PARQUET, recordio.MAGIC: Format.RECORDIO}
"""How files of formats that are no text begin."""

_FOREIGN = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"\x93NUMPY": "an array of numpy's",
    b"\x89HDF": "HDF5",
    b"Obj\x01": "Avro",
    b"\xfd7zXZ": "packed by xz",
    b"(\xb5/\xfd": "packed by zstd",
}
"""How what users put beside their data begins, and cannot be read here; libmagic's database has them."""
_TAR = slice(257, 262)

_JSON_LINES_START = re.compile(rb"[^\r\n]*[\]}][ \t]*\r?\n\s*[\[{]")  # nowhere else does one value follow another
_LABEL = re.compile(rb"\s*%(n)s\s*" % {b"n": libsvm.NUMBER}, re.IGNORECASE)
_LIBSVM_START = re.compile(
    rb"\s*(?:%(n)s(?::%(n)s)?\s+)?(?:qid:\d+\s+)?\d+:%(n)s(?:\s[^,;]*)?" % {b"n": libsvm.NUMBER}, re.IGNORECASE
)


@dataclass(frozen=True)
class ContentType:
    """A content type header or channel setting: the format it names, None where it names none, and its options."""

    format: Format | None
    charset: str | None = None
    header: bool | None = None
    label_size: int | None = None

    @classmethod
    def parse(cls, value: str | None) -> "ContentType":
        """Read ``text/csv; charset=utf-8; header=present; label_size=1`` and the like.

        Raises:
            UnsupportedMediaTypeError: a media type that is not read here.
            UserError: an option that cannot be what it says.
        """
        message = Message()
        message["Content-Type"] = value or ""
        media_type = (value or "").partition(";")[0].strip().casefold()
        options = {name.casefold(): str(option).strip() for name, option in message.get_params([])[1:]}
        if media_type in _OPAQUE:
            return cls(None, options.get("charset"))
        if media_type not in MEDIA_TYPES:
            names = {format: name for name, format in reversed(MEDIA_TYPES.items())}
            known = ", ".join(names[format] for format in Format)
            raise UnsupportedMediaTypeError(f"cannot read the content type {media_type!r}; send one of {known}")
        header = {None: None, "present": True, "absent": False}.get(options.get("header"), "?")
        if header == "?":
            raise UserError(f"header={options['header']!r} in the content type; it is 'present' or 'absent'")
        size = options.get("label_size")
        if size not in (None, "0", "1"):
            raise UserError(f"label_size={size!r} in the content type; it is 0 or 1, for there is one target column")
        return cls(
            MEDIA_TYPES[media_type],
            options.get("charset"),
            None if header is None else bool(header),
            None if size is None else int(size),
        )


def sniff(data: bytes) -> Format:
    """The format of bytes nobody named: binary by its magic, JSON by its bracket, LIBSVM by ``index:value``, CSV."""
    for magic, binary in BINARY.items():
        if data.startswith(magic):
            return binary
    head = data[:SNIFFED].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith((b"{", b"[")):
        return Format.JSON_LINES if _JSON_LINES_START.match(head) else Format.JSON
    lines = head.split(b"\n")
    # A row that is all missing is its label alone, as are all rows of one column.
    first = next((line for line in lines[:-1] if not _LABEL.fullmatch(line)), lines[0])
    return Format.LIBSVM if _LIBSVM_START.fullmatch(first.partition(b"#")[0]) else Format.CSV


def check_known(data: bytes) -> None:
    """Refuse the first bytes of a file that is no table, which would pass for text in a strange encoding.

    Raises:
        DataError: names what it is.
    """
    what = next((name for magic, name in _FOREIGN.items() if data.startswith(magic)), None)
    if what is None and data[_TAR] == b"ustar":
        what = "a tar archive"
    if what is not None:
        raise DataError(f"the file is {what}, which is not read", "write its rows as CSV or Parquet")


def read_request(data: bytes, content_type: ContentType, schema: Schema) -> AnyTable:
    """A request's body as a table; what it means is for `Schema.encode`.

    Raises:
        DataError: the body is not what its content type says.
    """
    if not data or (data.isspace() and not data.strip(b"\r\n")):  # a line of blanks can be a missing cell
        raise DataError("the request body is empty", "send at least one row")
    if data.startswith(GZIP):
        raise DataError("the request body is gzip", "send it uncompressed")
    chosen = content_type.format or sniff(data)
    return _REQUEST_READERS[chosen](data, content_type, schema)


def with_hint(error: DataError, data: bytes, content_type: ContentType) -> DataError:
    """The same error, with a word where the body looks like another format than its content type says."""
    found, declared = sniff(data), content_type.format
    if declared in (None, found) or (found is Format.JSON and declared is Format.JSON_LINES):
        return error
    if found is Format.CSV and b"," not in data[:SNIFFED].partition(b"\n")[0]:  # what is nothing else counts as CSV
        return error
    hint = f"the body looks like {found.value}, but its content type says {declared.value}"
    return DataError(error.cause, f"{error.remedy}; {hint}" if error.remedy else hint, place=error.place)


def _csv(data: bytes, content_type: ContentType, schema: Schema) -> Table:
    text = delimited.decode_text(data, content_type.charset)
    written = dialect.of_request(text, schema, header=content_type.header)
    if written.names is None and written.width and text.count(b'"') % 2 == 0:
        schema.check_width(written.width, trailing=True)  # before a line of a million cells becomes as many columns
    as_text = schema.text_positions(written.names, written.width)
    return delimited.read(text, written, Place(), as_text, schema.widths)


def _utf8(data: bytes, content_type: ContentType) -> bytes:
    return delimited.decode_text(data, content_type.charset)


_REQUEST_READERS: dict[Format, Callable[[bytes, ContentType, Schema], AnyTable]] = {
    Format.CSV: _csv,
    Format.LIBSVM: lambda data, content_type, _: libsvm.read(_utf8(data, content_type), Place(), labelled=False),
    Format.PARQUET: lambda data, _, schema: columnar.read(
        data,
        Place(),
        columnar.MAX_CELLS,
        schema.unused,
        schema.names,
    ),
    Format.JSON: lambda data, content_type, schema: structured.read_json(
        _utf8(data, content_type), schema.check_width, schema.unused
    ),
    Format.JSON_LINES: lambda data, content_type, schema: structured.read_json_lines(
        _utf8(data, content_type), schema.check_width, schema.unused
    ),
    Format.RECORDIO: lambda data, _, __: recordio_protobuf.read(data, Place(), labelled=False),
}
