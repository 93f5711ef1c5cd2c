"""What the head of a request says, as gunicorn itself reads it; clients send the same head again and again."""

import re
from contextlib import suppress
from typing import Any, NamedTuple

from gunicorn.http import errors
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader

from container.serving.fast import Fast, Handler

SMALL = 64 * 1024
"""Bytes up to which a body is collected by the event loop."""
_LONGEST = 8190
"""Bytes of a head that is looked at here."""
_KEPT = 1024

_BEGINNING = re.compile(rb"(?:GET|HEAD|POST) /[A-Za-z0-9_/.%~-]* HTTP/1\.[01]\r\n(?:[^\r\n]*\r\n)*[^\r\n]*\r?")
_SENDERS = re.compile(rb"^(?:[^:\r\n]*_|x-forwarded|forwarded)", re.IGNORECASE | re.MULTILINE)
"""Headers whose meaning depends on who sends them."""


class Plan(NamedTuple):
    """The bytes of the body to wait for, and who may answer without the application."""

    length: int
    handler: Handler | None


AT_ONCE = Plan(0, None)
"""To a thread, whatever has arrived of it."""


class Heads:
    """Plans for requests, by their heads."""

    def __init__(self, cfg: Any, fast: Fast | None) -> None:
        """``cfg`` has gunicorn's settings; without ``fast`` the application answers all."""
        self._cfg, self._fast = cfg, fast
        self._plans: dict[bytes, Plan] = {}

    def plan(self, head: bytes, client: Any) -> Plan:
        """The plan for a head, which ends in an empty line, from a client's address."""
        plan = self._plans.get(head)
        if plan is None:
            if len(self._plans) >= _KEPT:
                self._plans.clear()
            plan = self._plans[head] = self._read(head, client)
        return plan

    def _read(self, head: bytes, client: Any) -> Plan:
        if len(head) > _LONGEST or not _BEGINNING.fullmatch(head) or _SENDERS.search(head):
            return AT_ONCE
        # What gunicorn refuses is for the thread to refuse.
        with suppress(errors.ParseException):
            request = Request(self._cfg, IterUnreader([head]), client)
            headers = dict(request.headers)
            length = int(headers.get("CONTENT-LENGTH", 0))
            if length > SMALL or not headers.keys().isdisjoint({"TRANSFER-ENCODING", "EXPECT", "UPGRADE"}):
                return AT_ONCE
            if self._fast is None or request.version != (1, 1) or request.should_close():
                return Plan(length, None)
            return Plan(length, self._fast.handler(request.method, request.uri, request.headers))
        return AT_ONCE


def may_begin(received: bytes) -> bool:
    """Whether there is nothing to answer yet to this beginning of a head: gunicorn would wait for the rest too."""
    if len(received) > _LONGEST:
        return False
    if b"\n" in received:
        return _BEGINNING.fullmatch(received) is not None
    return received[:1].isupper()
