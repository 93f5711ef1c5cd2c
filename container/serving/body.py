"""The request's body: within its limit, whole, and never left half read."""

import sys
from contextlib import suppress

from flask import Request
from gunicorn.http.errors import ParseException

from container.contract.serving_env import ServingSettings
from container.errors import PayloadTooLargeError, UnsupportedMediaTypeError, UserError

_MIB = 1024**2
_DISCARDED = 256 * _MIB

_LOST = (OSError, ParseException)
"""What gunicorn raises while a body is read: the connection is lost, or the frame of a chunk is broken."""


def read_body(request: Request, settings: ServingSettings) -> bytes:
    """The whole body.

    Raises:
        UnsupportedMediaTypeError: it is compressed.
        PayloadTooLargeError: it is longer than the limit.
        UserError: it ends before it should.
    """
    encoding = request.headers.get("Content-Encoding", "").strip()
    if encoding.casefold() not in ("", "identity"):
        raise UnsupportedMediaTypeError(f"cannot read the content encoding {encoding!r}; send the body uncompressed")
    declared = request.content_length
    if declared is not None and declared > settings.body_limit:
        raise _too_large(settings, f"{declared:,}")
    try:
        # Some streams make room for as much as they are asked for.
        data = request.stream.read(min(settings.body_limit + 1 if declared is None else declared, sys.maxsize))
    except _LOST as error:
        raise UserError(f"the request body cannot be read to its end: {error}; send it again") from None
    if len(data) > settings.body_limit:
        raise _too_large(settings, "more")
    if declared is not None and len(data) < declared:
        raise UserError(f"the request body ends after {len(data):,} of {declared:,} bytes; send it again")
    return data


def discard_body(request: Request) -> None:
    """Read what the caller is still sending: most read the reply only when they have sent all."""
    with suppress(*_LOST):
        for _ in range(_DISCARDED // _MIB):
            if not request.stream.read(_MIB):
                break


def _too_large(settings: ServingSettings, got: str) -> PayloadTooLargeError:
    variable = "SAGEMAKER_MAX_PAYLOAD_IN_MB" if settings.max_content_length is None else "MAX_CONTENT_LENGTH"
    return PayloadTooLargeError(
        f"the request body has {got} bytes, and {settings.body_limit:,} is the limit; "
        f"send fewer rows at once, or raise {variable}"
    )
