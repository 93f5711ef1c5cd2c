"""Where a chunked body ends (RFC 9112, section 7.1). Whether it is sound, gunicorn finds out."""

import re

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")
_LONGEST = 8190


class Chunks:
    """Follows a chunked body as it arrives in pieces."""

    def __init__(self) -> None:
        self.done = False
        self.broken = False
        """There is no telling where it ends."""
        self._line = b""
        self._left = 0  # bytes of the present chunk with the line end behind it
        self._trailer = False
        self._trailer_bytes = 0

    def feed(self, data: bytes) -> int:
        """Follow ``data``; returns how many of its bytes belong to the body."""
        place = 0
        while place < len(data) and not self.done and not self.broken:
            if self._left:
                step = min(self._left, len(data) - place)
                self._left -= step
                place += step
                continue
            end = data.find(b"\n", place) + 1 or len(data)
            self._line += data[place:end]
            place = end
            if self._line.endswith(b"\n"):
                self._read_line(self._line)
                self._line = b""
            elif len(self._line) > _LONGEST:
                self.broken = True
        return place

    def _read_line(self, line: bytes) -> None:
        if self._trailer:
            self._trailer_bytes += len(line)
            self.done = line == b"\r\n"
            self.broken = self._trailer_bytes > 8 * _LONGEST
            return
        found = _SIZE.fullmatch(line)
        if found is None:
            self.broken = True
            return
        size = int(found[1], 16)
        self._trailer = size == 0
        self._left = size + 2 if size else 0
