"""Names of models in paths: any text, percent-encoded; never a path of this machine's."""

from urllib.parse import quote, unquote

from container.errors import UserError

LONGEST_LINE = 8190
"""Bytes of a request line; gunicorn allows no more."""
_LONGEST = LONGEST_LINE - len("DELETE /models//invoke HTTP/1.1\r\n")

PREFIX = "/models/"
_INVOKE = "/invoke"


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

    ``RAW_URI`` is what gunicorn and Werkzeug's test client add to WSGI's environment.
    """
    path = environ.get("RAW_URI", "").partition("?")[0]
    return path if path.startswith(PREFIX) else None
