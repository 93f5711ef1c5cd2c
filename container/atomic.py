"""Files that are there whole or not at all, whatever ends the process in between."""

import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, data: bytes | bytearray) -> None:
    """Write ``data`` beside ``path``, flush it to disk, and rename it into place.

    Raises:
        OSError: the folder cannot be written to, or the disk is full; nothing is left behind then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
