"""What the head of a request says, as gunicorn itself reads it; clients send the same head again and again."""

import re
from contextlib import suppress
from typing import Any, NamedTuple

from gunicorn.http import errors
from gunicorn.http.body import ChunkedReader
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader

from container.serving.fast import Fast, Handler
from container.serving.seen import LONGEST_ID, request_id

SMALL = 64 * 1024
"""Bytes up to which a body is collected together with its head."""
_LONGEST = 8190
"""Bytes of a head that is looked at here."""
_KEPT = 1024

_BEGINNING = re.compile(
    rb"(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH) /[!-~]* HTTP/1\.[01]\r\n(?:[^\r\n]*\r\n)*[^\r\n]*\r?"
)
_SENDERS = re.compile(rb"\n(?:[^:\r\n]*_|x-forwarded|forwarded)", re.IGNORECASE)
"""Headers whose meaning depends on who sends them."""
_IDS = re.compile(
    rb"(\r\n(?:x-amzn-(?:sagemaker-inference-id|requestid|trace-id)|traceparent): )([\w=;:.-]{1,128})(?=\r\n)",
    re.IGNORECASE,
)
"""Headers that are new with every request, and on whose values no answer depends."""
_PLACES = (b"~0", b"~1", b"~2", b"~3")
"""What stands for the ids in a head that is kept; none is among those that `_IDS` finds."""
_REFUSABLE = re.compile(r".*/(?:invocations|invoke)")


class Plan(NamedTuple):
    """What to wait for, and who may answer then."""

    length: int | None = 0
    """Bytes of the body; None where it is chunked."""
    handler: Handler | None = None
    """Who may answer without the application."""
    method: str = ""
    path: str = ""
    closes: bool = False
    """The client wants no other request on this connection answered."""
    continues: bool = False
    """The client waits to be told that it may send the body."""
    request_id: str = ""

    @property
    def refusable(self) -> bool:
        """Whether it may be told to come again: what asks how this server fares may not."""
        return self.method == "POST" and _REFUSABLE.fullmatch(self.path) is not None


AT_ONCE = Plan()
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
        if plan is not None:
            return plan
        if len(head) > _LONGEST:
            return AT_ONCE
        parts = _IDS.split(head, len(_PLACES))
        ids = dict(zip(_PLACES, parts[2::3], strict=False))
        parts[2::3] = ids
        plan = self._kept(b"".join(parts), client)
        own = ids.get(plan.request_id.encode("latin-1"))
        return plan if own is None else plan._replace(request_id=own.decode()[:LONGEST_ID])

    def _kept(self, head: bytes, client: Any) -> Plan:
        plan = self._plans.get(head)
        if plan is None:
            senders = _SENDERS.search(head) is not None
            plan = self._read(head, client, None if senders else self._fast)
            if not senders:
                if len(self._plans) >= _KEPT:
                    self._plans.clear()
                self._plans[head] = plan
        return plan

    def _read(self, head: bytes, client: Any, fast: Fast | None) -> Plan:
        if not _BEGINNING.fullmatch(head):
            return AT_ONCE
        # What gunicorn refuses is for the thread to refuse.
        with suppress(errors.ParseException):
            request = Request(self._cfg, IterUnreader([head]), client)
            headers = dict(request.headers)
            if "UPGRADE" in headers:
                return AT_ONCE
            chunked = isinstance(request.body.reader, ChunkedReader)
            length = None if chunked else int(headers.get("CONTENT-LENGTH", 0))
            closes, continues = request.should_close(), request._expected_100_continue
            plan = Plan(length, None, request.method, request.path, closes, continues, request_id(headers))
            if fast is None or closes or continues or request.version != (1, 1) or length is None or length > SMALL:
                return plan
            return plan._replace(handler=fast.handler(request.method, request.uri, request.headers))
        return AT_ONCE


def may_begin(received: bytes) -> bool:
    """Whether there is nothing to answer yet to this beginning of a head: gunicorn would wait for the rest too."""
    if len(received) > _LONGEST:
        return False
    if b"\n" in received:
        return _BEGINNING.fullmatch(received) is not None
    return received[:1].isupper()
