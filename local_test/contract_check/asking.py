"""Requests to a container's server, and what came back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException


@dataclass(frozen=True)
class Reply:
    """A status, or 0 where none came: then the body says why. ``seconds`` is the time it took."""

    status: int
    body: bytes
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def __str__(self) -> str:
        start = " ".join(self.text[:80].split())
        return f"{self.status} {start}".strip() if self.status else f"no reply ({start})"


def ask(
    port: int, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, seconds: float = 60
) -> Reply:
    """The reply to one request on a connection of its own."""
    with Request(port, method, path, len(body), headers or {}, seconds) as request:
        return request.finish(body)


class Request:
    """A request that is sent in parts."""

    def __init__(
        self, port: int, method: str, path: str, length: int, headers: Mapping[str, str], seconds: float = 60
    ) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=seconds)
        self._begun, self._error = time.monotonic(), ""
        try:
            self._connection.putrequest(method, path)
            for name, value in {**headers, "Content-Length": str(length)}.items():
                self._connection.putheader(name, value)
            self._connection.endheaders()
        except (OSError, HTTPException) as error:
            self._error = f"{type(error).__name__}: {error}"

    def __enter__(self) -> Request:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def send(self, part: bytes) -> None:
        """A part of the body."""
        try:
            if part and not self._error:
                self._connection.send(part)
        except OSError as error:
            # A server may answer before it has read all, and close: then there is a reply to read.
            if not isinstance(error, (BrokenPipeError, ConnectionResetError)):
                self._error = f"{type(error).__name__}: {error}"

    def finish(self, rest: bytes) -> Reply:
        """Send the rest of the body, and wait for the reply."""
        self.send(rest)
        try:
            if self._error:
                raise OSError(self._error)
            got = self._connection.getresponse()
            headers = {name.lower(): value for name, value in got.getheaders()}
            return Reply(got.status, got.read(), time.monotonic() - self._begun, headers)
        except (OSError, HTTPException) as error:
            return Reply(0, (str(error) or type(error).__name__).encode(), time.monotonic() - self._begun)
