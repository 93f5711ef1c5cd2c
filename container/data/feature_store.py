"""Feature Store's offline store: a log of every write, of which the latest state of each record is what counts.

Source: AWS's developer guide, "Offline store data format": beside the features, each row has the columns in
`METADATA`; the latest row of a record is the one with the greatest event time, then api_invocation_time, then
write_time, and it is gone where that row says is_deleted.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from container.data import cells
from container.data.encoding import as_text, encode
from container.data.formats import AnyTable
from container.data.table import Column, Kind, Numbers, Table, Text
from container.errors import DataError, UserError, listing

log = logging.getLogger(__name__)

METADATA = ("api_invocation_time", "write_time", "is_deleted")

_DAY = 86_400.0
_IDENTIFIERS = ("recordid", "recordidentifier", "id")
_EVENT_TIMES = ("eventtime", "eventtimestamp", "timestamp")


def is_offline_store(table: Table) -> bool:
    """Whether the table has all of `METADATA`."""
    return table.names is not None and set(METADATA) <= set(table.names)


def latest_records(
    tables: Sequence[AnyTable], identifier: str | None, event_time: str | None, channel: str
) -> list[Table]:
    """The tables without the rows that a later write replaced or deleted, and without what describes the writes.

    A feature that was added to the group later is missing in the tables before. ``identifier`` and ``event_time``
    name their columns; they are left out too, and found by their names where None.

    Raises:
        UserError: there is no such column, or which one it is is not clear.
        DataError: a row has no identifier, or a time that is none; with file and row.
    """
    stored = [_stored(table) for table in tables]
    names = tuple(dict.fromkeys(name for table in stored for name in table.names or ()))
    identifier = _resolve("record_identifier", identifier, names, _IDENTIFIERS)
    event_time = _resolve("event_time", event_time, names, _EVENT_TIMES)
    codes: dict[str, int] = {}
    keys, times, deleted = [], [], []
    for table in stored:
        try:
            keys.append(_keys(_column(table, identifier), identifier, codes))
            times.append([_seconds(_column(table, name), name) for name in (event_time, *METADATA[:2])])
            deleted.append(encode(_column(table, METADATA[2]), Kind.BOOLEAN, METADATA[2])[0] == 1)
        except DataError as error:
            raise table.place.locate(error) from None
    latest = _latest(np.concatenate(keys), [np.concatenate(parts) for parts in zip(*times, strict=True)])
    alive = latest & ~np.concatenate(deleted)
    left = (~latest).sum(), (latest & ~alive).sum(), alive.sum()
    log.info(
        "%s is a Feature Store offline store, record identifier %r, event time %r: of %s writes %s were replaced by "
        "later ones and %s deleted a record; %s records are kept",
        *(channel, identifier, event_time, *(f"{count:,}" for count in (len(latest), *left))),
    )
    if not alive.any():
        raise DataError(f"every record of the channel {channel!r} is deleted", "give it a store with records")
    described = (identifier, event_time, *METADATA)
    features = tuple(name for name in names if name not in described)
    parts = np.split(alive, np.cumsum([table.rows for table in stored])[:-1])
    return [_take(table, features, np.flatnonzero(rows)) for table, rows in zip(stored, parts, strict=True)]


def _resolve(role: str, given: str | None, names: Sequence[str], known: Sequence[str]) -> str:
    if given is not None:
        if given not in names:
            raise UserError(f"{role!r}: the Feature Store tree has no column {given!r}; it has {listing(tuple(names))}")
        return given
    plain = {name: name.casefold().replace("_", "").replace("-", "") for name in names if name not in METADATA}
    found = [name for name, spelling in plain.items() if spelling in known]
    if not found and role == "record_identifier":
        found = [name for name in plain if name.casefold().endswith("_id") or name.endswith("Id")]
    if len(found) != 1:
        which = f"it could be {listing(found)}" if found else f"the columns are {listing(tuple(plain))}"
        raise UserError(f"{role!r}: this column of the Feature Store tree cannot be told by its name; {which}")
    return found[0]


def _stored(table: AnyTable) -> Table:
    if isinstance(table, Table) and is_offline_store(table):
        return table
    raise DataError(
        f"the file lacks the columns {', '.join(METADATA)}, unlike the Feature Store files before it",
        "give the channel the files of one feature group",
        place=table.place.name,
    )


def _column(table: Table, name: str) -> Column:
    if table.names is None or name not in table.names:
        raise DataError(f"the file lacks {name!r}", "give the channel the files of one feature group")
    return table.columns[table.names.index(name)]


def _keys(column: Column, name: str, codes: dict[str, int]) -> NDArray[np.int64]:
    """A number for each row's identifier; ``codes`` has those of the tables before and takes the new ones."""
    text = column if isinstance(column, Text) else as_text(column)
    if (text.codes < 0).any():
        raise DataError("the record identifier is missing", "correct it", row=text.row_of(-1), column=name)
    return np.array([codes.setdefault(value, len(codes)) for value in text.values], dtype=np.int64)[text.codes]


def _seconds(column: Column, name: str) -> NDArray[np.float64]:
    """Seconds since 1970 of timestamps, ISO 8601 texts, or numbers, which are such seconds already."""
    if isinstance(column, Numbers):
        values = column.values.astype(np.float64) * (_DAY if column.kind is Kind.DATE else 1)
    else:
        days = [cells.days(text) for text in column.values]
        values = np.array([*(np.nan if day is None else day * _DAY for day in days), np.nan])[column.codes]
    if np.isnan(values).any():
        raise DataError(
            "the time is missing, or neither a timestamp, ISO 8601 nor seconds since 1970",
            "correct it, or name the column of the event time in event_time",
            row=int(np.argmax(np.isnan(values))),
            column=name,
        )
    return values


def _latest(keys: NDArray[np.int64], times: Sequence[NDArray[np.float64]]) -> NDArray[np.bool_]:
    """Which rows are the last of their key, in the order of the times, the first of them counting most."""
    order = np.lexsort((*reversed(times), keys))
    last = np.ones(len(keys), dtype=bool)
    last[:-1] = keys[order][1:] != keys[order][:-1]
    kept = np.zeros(len(keys), dtype=bool)
    kept[order[last]] = True
    return kept


def _take(table: Table, names: tuple[str, ...], rows: NDArray[np.intp]) -> Table:
    there = table.names or ()
    columns = [
        _pick(_column(table, name), rows) if name in there else Numbers(np.full(len(rows), np.nan)) for name in names
    ]
    line_of = table.place.line_of
    located = replace(table.place, line_of=lambda row: line_of(int(rows[row])))
    return replace(table, columns=columns, names=names, rows=len(rows), place=located, incomplete={})


def _pick(column: Column, rows: NDArray[np.intp]) -> Column:
    if isinstance(column, Text):
        return replace(column, codes=column.codes[rows])
    return replace(column, values=column.values[rows])
