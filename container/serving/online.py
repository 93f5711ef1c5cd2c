"""Requests that name records instead of giving all their values: these come from the Feature Store's online store.

``{"record_id": "17", "rooms": 4}`` becomes a record with a value for every column of the model: those of the request
where it has them, else those of the store, else null. What else a request can be passes through untouched.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from container.contract.serving_env import ServingSettings
from container.data import delimited, structured
from container.data.cells import number_text
from container.data.formats import ContentType, Format, sniff
from container.data.rows import text_of
from container.data.schema import Schema
from container.errors import DataError, listing
from container.serving.feature_store import OnlineStore
from container.serving.service import Asked, Handler, Reply, Service

KEY = "record_id"

_FORMS = (Format.JSON, Format.JSON_LINES)
_CONNECTIONS = 32
"""Threads of a worker that may be looking something up."""

log = logging.getLogger(__name__)


class Store(Protocol):
    """What `OnlineStore` does."""

    def records(self, identifiers: Sequence[str], features: Sequence[str]) -> Mapping[str, Mapping[str, str]]: ...


def around(service: Service, settings: ServingSettings, schema: Schema) -> Service:
    """The service, with lookups before it where a feature group is set; ``schema`` is its model's."""
    if not settings.feature_group:
        return service
    log.info("looking records up in the feature group %r", settings.feature_group)
    store = OnlineStore(settings.feature_group, settings.region, _CONNECTIONS)
    return LookupService(service, store, schema, settings)


class LookupService:
    """Completes the records of JSON and JSON Lines requests, and has another service answer them."""

    def __init__(self, service: Service, store: Store, schema: Schema, settings: ServingSettings) -> None:
        self._service, self._store, self._group = service, store, settings.feature_group
        self._placeholders = settings.placeholders
        self._names = schema.names
        self._never = set(schema.names)  # of which no record has had a value yet

    def prepare(self, asked: Asked) -> Handler:
        handler = self._service.prepare(asked)
        content_type = ContentType.parse(asked.content_type)
        if content_type.format not in (*_FORMS, None):
            return handler

        def complete(body: bytes) -> Reply:
            form = content_type.format or sniff(body)
            if form not in _FORMS:
                return handler(body)
            lenient = self._placeholders and form is Format.JSON_LINES
            text = (text_of if lenient else delimited.decode_text)(body, content_type.charset)
            if f'"{KEY}"'.encode() not in text:
                return handler(body)
            found = self._json(text) if form is Format.JSON else self._json_lines(text)
            if found is None:
                return handler(body)
            media_type = "application/json" if form is Format.JSON else "application/jsonlines"
            return self._service.prepare(replace(asked, content_type=media_type))(found)

        return complete

    def _json(self, text: bytes) -> bytes | None:
        value = structured.loads(text)
        items = value.get("instances") if isinstance(value, dict) and KEY not in value else value
        items = items if isinstance(items, list) else [items]
        completed = self._completed(items, [f"instance {place}" for place in range(1, len(items) + 1)])
        return None if completed is None else json.dumps({"instances": completed}).encode()

    def _json_lines(self, text: bytes) -> bytes | None:
        values, lines = structured.json_lines(text, lenient=self._placeholders)
        completed = self._completed(values, [f"line {line}" for line in lines], lenient=self._placeholders)
        if completed is None:
            return None
        written = dict(zip(lines, completed, strict=True))
        last = max(lines)  # blank lines stay, so that a message names the line of the request
        return b"\n".join(_line(written[line]) if line in written else b"" for line in range(1, last + 1))

    def _completed(self, items: Sequence[Any], places: Sequence[str], *, lenient: bool = False) -> list[Any] | None:
        """The items with their records; None where none names one.

        Where ``lenient``, an item whose record is missing is left empty, which is a row that cannot be read, and one
        whose identifier is none is left as it is.

        Raises:
            DataError: an identifier is none, or has no record.
            FeatureStoreError: the store gives no answer.
        """
        identifiers = {
            place: identifier
            for place, item in enumerate(items)
            if (identifier := _identifier(item, places[place], lenient)) is not None
        }
        if not identifiers:
            return None
        given = set.intersection(*(set(items[place]) for place in identifiers))
        wanted = [name for name in self._names if name not in given]
        records = self._store.records(list(identifiers.values()), wanted) if wanted else {}
        missing = [place for place, identifier in identifiers.items() if wanted and identifier not in records]
        if missing:
            names = tuple(dict.fromkeys(identifiers[place] for place in missing))
            error = DataError(
                f"the feature group {self._group!r} has no record {listing(names)}",
                "put it there, or send all columns",
                place=places[missing[0]],
            )
            if not lenient:
                raise error
            log.warning("%s", error)
        self._note(records, wanted)
        completed = list(items)
        for place, identifier in identifiers.items():
            stored = dict.fromkeys(self._names) | dict(records.get(identifier, {}))
            completed[place] = {} if place in missing else _merged(items[place], stored)
        return completed

    def _note(self, records: Mapping[str, Mapping[str, str]], wanted: Sequence[str]) -> None:
        """Say once which columns no record has had a value for: their names may differ in the group."""
        seen = {name for record in records.values() for name in record}
        unseen = [name for name in wanted if name in self._never and name not in seen]
        self._never -= {*seen, *unseen}
        if unseen:
            log.warning(
                "no record of the feature group %r has had %s so far; they count as missing",
                self._group,
                listing(unseen),
            )


def _identifier(item: Any, place: str, lenient: bool) -> str | None:
    if not isinstance(item, dict) or KEY not in item:
        return None
    value = item[KEY]
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number_text(float(value)) if isinstance(value, float) else str(value)
    if lenient:
        return None
    raise DataError(f"the {KEY} is neither text nor a number", "send a record's identifier", place=place)


def _line(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def _merged(item: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    return {**stored, **{name: value for name, value in item.items() if name != KEY or KEY in stored}}
