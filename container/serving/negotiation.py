"""Which content type a reply has: HTTP's content negotiation (RFC 9110, section 12.5.1)."""

import re
from typing import NamedTuple

from container.errors import NotAcceptableError, UserError

CSV = "text/csv"
JSON = "application/json"
JSON_LINES = "application/jsonlines"
RECORDIO = "application/x-recordio-protobuf"
PARQUET = "application/x-parquet"

OFFERED = (CSV, JSON, JSON_LINES, RECORDIO, PARQUET)
"""What replies can be; where a range such as ``application/*`` fits several, the first is taken."""

_ALIASES = {
    "csv": CSV,
    "application/csv": CSV,
    "json": JSON,
    "jsonlines": JSON_LINES,
    "application/x-jsonlines": JSON_LINES,
    "application/jsonl": JSON_LINES,
    "application/x-ndjson": JSON_LINES,
    "recordio-protobuf": RECORDIO,
    "parquet": PARQUET,
    "application/parquet": PARQUET,
    "application/vnd.apache.parquet": PARQUET,
}
_QUALITY = re.compile(r"[01](?:\.[0-9]*)?")


class _Range(NamedTuple):
    """One element of an Accept header."""

    media_type: str
    quality: float
    position: int

    def specificity(self, offer: str) -> int:
        """How closely it names the offer: 2 exactly, 1 as ``type/*``, 0 as ``*/*``, -1 not at all."""
        if self.media_type == offer:
            return 2
        if self.media_type == offer.partition("/")[0] + "/*":
            return 1
        return 0 if self.media_type in ("*/*", "*") else -1


def negotiate(accept: str | None, default: str = CSV) -> str:
    """The content type for an Accept header; ``default`` where there is none, or anything will do.

    Of equally wanted types the one named most closely is taken, then the one named first.

    Raises:
        NotAcceptableError: it accepts none of `OFFERED`.
    """
    if accept is None or not accept.strip():
        return default
    ranges = [_range(text, position) for position, text in enumerate(accept.split(","))]
    offers = (default, *(offer for offer in OFFERED if offer != default))
    best, chosen = (0.0, 0, 0), None
    for offer in offers:
        closeness, quality, position = max((r.specificity(offer), r.quality, -r.position) for r in ranges)
        rank = (quality, closeness, position)
        if closeness >= 0 and quality > 0 and (chosen is None or rank > best):
            best, chosen = rank, offer
    if chosen is None:
        shown = accept if len(accept) <= 200 else accept[:200] + "…"
        raise NotAcceptableError(f"cannot answer in {shown!r}; accept one of {', '.join(OFFERED)}")
    return chosen


def default_type(setting: str) -> str:
    """The content type SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT names.

    Raises:
        UserError: none of `OFFERED`.
    """
    try:
        return negotiate(setting)
    except NotAcceptableError:
        raise UserError(
            f"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT: must be one of {', '.join(OFFERED)}, got {setting!r}"
        ) from None


def _range(text: str, position: int) -> _Range:
    """Parameters other than q do not matter here: no offered type has any."""
    media_type, *parameters = (part.strip().casefold() for part in text.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q" and _QUALITY.fullmatch(value.strip()):
            quality = min(1.0, float(value))
    return _Range(_ALIASES.get(media_type, media_type), quality, position)
