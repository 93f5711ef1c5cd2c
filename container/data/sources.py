"""Where a channel's bytes come from: its folder, one file after the other, each read once from start to end.

FastFile streams a file from S3 as it is read, where such reads are cheap; so files are opened but once, never
sought in, and never read in parallel.
"""

import gzip
import logging
import zlib
from collections.abc import Iterator
from pathlib import Path

from container.data.table import Place
from container.errors import DataError, listing

log = logging.getLogger(__name__)


def read_folder(folder: Path) -> Iterator[tuple[Place, bytes]]:
    """Every file below the folder, unpacked.

    Raises:
        DataError: there are no files, or one cannot be read.
    """
    for path in data_files(folder):
        place = Place(path.relative_to(folder.parent).as_posix())
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DataError(
                f"the file cannot be read: {error.strerror}", "check its permissions", place=place.name
            ) from None
        yield place, unpack(data, place)


def unpack(data: bytes, place: Place) -> bytes:
    """The bytes, decompressed where they are gzip, whatever their name or content type.

    Raises:
        DataError: they are damaged.
    """
    try:
        return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"the gzip file is damaged: {error}", "compress it again", place=place.name) from None


def has_files(folder: Path) -> bool:
    """Whether there is anything to read below a channel's folder."""
    return any(path.is_file() and not _is_hidden(path, folder) for path in folder.rglob("*"))


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


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
