"""Names of models in paths: any text, percent-encoded; never a path of this machine's."""

import re
from urllib.parse import quote, unquote

from container.errors import UserError

LONGEST_LINE = 8190
"""Bytes of a request line; gunicorn allows no more."""
_LONGEST = LONGEST_LINE - len("DELETE /models//invoke HTTP/1.1\r\n")

PREFIX = "/models/"
_INVOKE = "/invoke"
_ORIGIN = re.compile(r"https?://[^/?]*", re.IGNORECASE)
_ESCAPE, _UNRESERVED = re.compile("%[0-9A-Fa-f]{2}"), re.compile(r"[A-Za-z0-9._~-]")


def checked(name: str) -> str:
    """The name of a model that is to be loaded.

    Raises:
        UserError: no request could name it: it is empty, or too long for a path.
    """
    if not name:
        raise UserError("model_name must not be empty")
    if (length := len(quote(name, safe=""))) > _LONGEST:
        raise UserError(
            f"model_name has {length:,} characters when percent-encoded, and {_LONGEST:,} is the limit; shorten it"
        )
    return name


def decoded(text: str) -> str:
    """The name that a path has percent-encoded.

    Raises:
        UserError: it is not UTF-8.
    """
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise UserError(
            f"the model's name in the path is not UTF-8: {text[:200]!r}; percent-encode it as such"
        ) from None


def invoked(target: str) -> str | None:
    """The name of the model that a path wants predictions of, None where it wants something else."""
    if not target.startswith(PREFIX) or not target.endswith(_INVOKE) or "?" in target:  # what follows is no name
        return None
    try:
        return decoded(target[len(PREFIX) : -len(_INVOKE)]) or None
    except UserError:
        return None


def encoded_path(environ: dict[str, str]) -> str | None:
    """The path of a request below /models/ as it was sent: decoded, a name's slashes could not be told from the path's.

    Only what need not be encoded is decoded (RFC 3986, section 6.2.2.2), so that ``/%6Dodels/`` is such a path too.
    ``RAW_URI`` is what gunicorn and Werkzeug's test client add to WSGI's environment; it may be a whole URL.
    """
    if "RAW_URI" not in environ or not environ["PATH_INFO"].startswith(PREFIX):
        return None
    target = _ORIGIN.sub("", environ["RAW_URI"], count=1)
    return _ESCAPE.sub(_unreserved, target.partition("?")[0])


def _unreserved(escape: re.Match[str]) -> str:
    character = chr(int(escape[0][1:], 16))
    return character if _UNRESERVED.fullmatch(character) else escape[0]
