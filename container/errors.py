"""The error family. What a class means to the caller, as HTTP status and exit code, stands on the class."""

import re
from http import HTTPStatus


class ContainerError(Exception):
    """An error this container explains: the message says cause, place and remedy, in that order."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    exit_code = 1


class UserError(ContainerError):
    """The caller can fix this: the message says what is wrong, where, and what would be accepted."""

    status = HTTPStatus.BAD_REQUEST


class DataError(UserError):
    """A table that cannot be read as it is meant: a cause, a place and a remedy that make one message.

    ``row`` is the 0-based data row at fault and ``column`` its column's name, where known; whoever knows the
    file turns them into a place with `at`.
    """

    def __init__(
        self,
        cause: str,
        remedy: str = "",
        *,
        row: int | None = None,
        column: str | None = None,
        place: str = "",
    ) -> None:
        self.cause, self.remedy, self.row, self.column, self.place = cause, remedy, row, column, place
        where = place or (named(column) if column is not None else "")
        super().__init__(cause + (f" ({where})" if where else "") + (f"; {remedy}" if remedy else ""))

    def at(self, place: str) -> "DataError":
        """The same error at a place such as ``train.csv line 17, column 'price'``."""
        return DataError(self.cause, self.remedy, row=self.row, column=self.column, place=place)


def named(column: str) -> str:
    """``column 'price'``, or ``column 3`` for one that is called after its place, as without a header."""
    return column if re.fullmatch("column [0-9]+", column) else f"column {column!r}"


class UnsupportedMediaTypeError(UserError):
    """The request's or the channel's content type is none that is read here."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class NotAcceptableError(UserError):
    """None of the content types the caller accepts can be written."""

    status = HTTPStatus.NOT_ACCEPTABLE


class PayloadTooLargeError(UserError):
    """The request is larger than the limit that is set."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE  # its newer name came with Python 3.13


class NotFoundError(UserError):
    """There is nothing of the name that the request gives."""

    status = HTTPStatus.NOT_FOUND


class ConflictError(UserError):
    """There is something of the name already."""

    status = HTTPStatus.CONFLICT


class InsufficientMemoryError(ContainerError):
    """What is asked for does not fit into memory beside what is there."""

    status = HTTPStatus.INSUFFICIENT_STORAGE


class UnavailableError(ContainerError):
    """It cannot be done at the moment; asked for again later it can."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


class ModelError(ContainerError):
    """There is no model that can be served: missing, damaged, or of a kind that is never loaded."""


def listing(names: list[str] | tuple[str, ...], limit: int = 8) -> str:
    """``'a', 'b', 'c' and 5 more``: names for a message that must stay short."""
    shown = ", ".join(repr(name) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
