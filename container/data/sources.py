"""Where a channel's bytes come from: its folder, one file after the other, each read from start to end.

FastFile streams a file from S3 as it is read, where such reads are cheap; so files are never sought in and never
read in parallel, and opened again only where a message needs a line's number or a column turns out to be text.
"""

import gzip
import io
import logging
import mmap
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from container.data.stream import Ahead, Readable
from container.data.table import Place
from container.errors import DataError, listing

log = logging.getLogger(__name__)

GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Source:
    """One file, unpacked where it is gzip, whatever its name or content type."""

    place: Place
    start: Callable[[], Readable]

    @classmethod
    def of(cls, place: Place, data: "bytes | memoryview | mmap.mmap") -> "Source":
        """A file whose bytes are there already, in memory or mapped."""
        return cls(place, lambda: _Bytes(data))

    def open(self) -> Ahead:
        """Its bytes from the start.

        Raises:
            DataError: it cannot be read, or is damaged; reading on can raise that too.
        """
        raw = Ahead(_Guarded(self.place, self.start))
        return Ahead(_Guarded(self.place, lambda: _Unpacked(raw))) if raw.ahead(2) == GZIP else raw


class _Bytes(io.RawIOBase):
    """Bytes as a stream, without a copy of all of them."""

    def __init__(self, data: "bytes | memoryview | mmap.mmap") -> None:
        self._view, self._at = memoryview(data), 0

    def read(self, size: int = -1) -> bytes:
        end = len(self._view) if size < 0 else self._at + size
        part = bytes(self._view[self._at : end])
        self._at += len(part)
        return part


class _Unpacked(gzip.GzipFile):
    """A gzip file that closes the one it reads."""

    def __init__(self, packed: Ahead) -> None:
        super().__init__(fileobj=packed)
        self._packed = packed

    def close(self) -> None:
        super().close()
        self._packed.close()


class _Guarded:
    """A stream whose errors name the file."""

    def __init__(self, place: Place, start: Callable[[], Any]) -> None:
        self._place = place
        self._stream = self._guard(start)

    def read(self, size: int = -1) -> bytes:
        return bytes(self._guard(lambda: self._stream.read(size)))

    def close(self) -> None:
        self._stream.close()

    def _guard(self, step: Callable[[], Any]) -> Any:
        try:
            return step()
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise self._error(f"the gzip file is damaged: {error}", "compress it again") from None
        except OSError as error:
            raise self._error(f"the file cannot be read: {error.strerror}", "check its permissions") from None

    def _error(self, cause: str, remedy: str) -> DataError:
        return DataError(cause, remedy, place=self._place.name)


def unpacked(data: bytes, place: Place) -> bytes:
    """The bytes, decompressed where they are gzip.

    Raises:
        DataError: they are damaged.
    """
    with Source.of(place, data).open() as stream:
        return stream.readall()


def read_folder(folder: Path) -> Iterator[Source]:
    """Every file below the folder.

    Raises:
        DataError: there are no files.
    """
    for path in data_files(folder):
        yield Source(Place(path.relative_to(folder.parent).as_posix()), partial(io.FileIO, path))


def has_files(folder: Path) -> bool:
    """Whether there is anything to read below a channel's folder."""
    return folder.exists() and any(path.is_file() and not _is_hidden(path, folder) for path in _all_files(folder))


def data_files(folder: Path) -> list[Path]:
    """The files below a channel's folder, sorted; hidden and marker files (``.x``, ``_SUCCESS``) are left out.

    Raises:
        DataError: there is none, or the folder is not there, or it or one below it cannot be read.
    """
    found: list[Path] = []
    passed_over: list[Path] = []
    for path in _all_files(folder):
        (passed_over if _is_hidden(path, folder) else found).append(path)
    if passed_over:
        names = tuple(path.relative_to(folder).as_posix() for path in passed_over)
        log.info("passed over hidden and marker files in %s: %s", folder.name, listing(names))
    if not found:
        raise DataError(f"the channel {folder.name!r} has no files", f"put the data into {folder}")
    return found


def _all_files(folder: Path) -> list[Path]:
    """All below the folder that is no folder, sorted.

    Raises:
        DataError: the folder is not there, or one cannot be read, whose files would else be left out in silence.
    """

    def refuse(error: OSError) -> None:
        raise error

    try:
        if not folder.is_dir():
            raise DataError(f"the channel {folder.name!r} has no folder {folder}", "give the training job that channel")
        walked = folder.walk(on_error=refuse)
        return sorted(path for root, _, names in walked for name in names if not (path := root / name).is_dir())
    except OSError as error:
        cause = f"the folder {error.filename} cannot be read: {error.strerror}"
        raise DataError(cause, "check its permissions") from None


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
