"""What a request came to."""

from collections.abc import Mapping
from typing import NamedTuple

ROWS = "container.rows"
"""Where in the WSGI environment the application says how many rows it answered."""

LONGEST_ID = 64
"""Characters of a request's id that are kept."""
_IDS = ("X-AMZN-SAGEMAKER-INFERENCE-ID", "X-AMZN-REQUESTID")


class Seen(NamedTuple):
    """A request that has been answered."""

    method: str
    path: str
    status: int
    seconds: float
    """From when all of it had arrived until it was answered; what the client took to send and to read is not in it."""
    sent: int
    """Bytes of the reply's body."""
    rows: int = 0
    request_id: str = ""
    refused: bool = False


def request_id(headers: Mapping[str, str]) -> str:
    """The id the platform gave a request, empty without one; ``headers`` are by their names in capitals."""
    found = next((headers[name] for name in _IDS if name in headers), "")
    return found[:LONGEST_ID] if found.isprintable() else ""
