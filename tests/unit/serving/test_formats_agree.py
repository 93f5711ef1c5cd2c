"""The same table gives the same matrix in whatever format it is sent."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyarrow import parquet

from container.data import delimited
from container.data.formats import ContentType, read_request
from container.data.schema import Feature, Schema
from container.data.table import Kind, Table

_LARGEST = float(np.finfo(np.float32).max)
_NUMBERS = st.floats(-_LARGEST, _LARGEST) | st.integers(-(2**62), 2**62)
_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8) | st.sampled_from(
    [
        "A",
        "a",
        "b,c",
        'say "x"',
        "20",
        "20.0",
        "2e1",
        "01",
        "NA",
        "null",
        "",
        " ",
        "true",
        "2020-01-01",
        "é",
        "#",
        "x\ny",
    ]
)
_MOMENTS = st.datetimes(datetime(1700, 1, 1), datetime(2300, 1, 1)).map(lambda moment: moment.replace(microsecond=0))
_VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.NUMBER: _NUMBERS,
    Kind.BOOLEAN: st.booleans(),
    Kind.INDICATOR: st.booleans() | _NUMBERS,
    Kind.DATE: st.dates() | _MOMENTS,
    Kind.CATEGORY: _TEXTS,
}


@dataclass(frozen=True)
class Sample:
    """A schema, rows of Python values (None where missing) and an order to send the columns in."""

    schema: Schema
    rows: list[list[Any]]
    order: list[int]


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    kinds = draw(st.lists(st.sampled_from(list(Kind)), min_size=1, max_size=5))
    rows = draw(st.lists(st.tuples(*(st.none() | _VALUES[k] for k in kinds)).map(list), min_size=1, max_size=6))
    features = []
    for place, kind in enumerate(kinds):
        texts = {row[place].strip() for row in rows if kind is Kind.CATEGORY and row[place] is not None}
        known = draw(st.sets(st.sampled_from(sorted(texts)))) if texts else set()
        features.append(Feature(f"feature_{place}", kind, place, tuple(sorted(known))))
    return Sample(Schema(tuple(features), named=True), rows, draw(st.permutations(range(len(kinds)))))


def matrix(sample: Sample, body: bytes, content_type: str) -> NDArray[np.float32]:
    table = read_request(body, ContentType.parse(content_type), sample.schema)
    assert isinstance(table, Table)
    return sample.schema.encode(table).matrix()


def in_csv(sample: Sample, *, header: bool) -> bytes:
    order = sample.order if header else range(len(sample.schema.features))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    if header:
        writer.writerow([sample.schema.names[place] for place in order])
    writer.writerows([["" if row[p] is None else in_text(row[p]) for p in order] for row in sample.rows])
    return file.getvalue().encode()


def in_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def in_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def records(sample: Sample) -> list[dict[str, Any]]:
    return [{sample.schema.names[p]: in_json(row[p]) for p in sample.order} for row in sample.rows]


def in_parquet(sample: Sample) -> bytes:
    columns = {}
    for place in sample.order:
        values = [row[place] for row in sample.rows]
        columns[sample.schema.names[place]] = arrow_column(values, sample.schema.features[place].kind)
    file = io.BytesIO()
    parquet.write_table(pa.table(columns), file)
    return file.getvalue()


def arrow_column(values: Sequence[Any], kind: Kind) -> "pa.Array":
    if kind in (Kind.NUMBER, Kind.INDICATOR):
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if kind is Kind.DATE:
        days_only = all(value is None or not isinstance(value, datetime) for value in values)
        moments = [v if v is None or isinstance(v, datetime) else datetime(v.year, v.month, v.day) for v in values]
        return pa.array(values, pa.date32()) if days_only else pa.array(moments, pa.timestamp("us"))
    return pa.array(values, pa.bool_() if kind is Kind.BOOLEAN else pa.string())


@settings(deadline=None)
@given(samples())
@example(
    Sample(
        Schema((Feature("a", Kind.CATEGORY, 0, ("A",)), Feature("b", position=1)), named=True),
        [["A", None], ["B", 1]],
        [1, 0],
    )
)
def test_every_format_gives_the_same_matrix(sample: Sample) -> None:
    rows = [[in_json(value) for value in row] for row in sample.rows]
    expected = matrix(sample, json.dumps({"instances": rows}).encode(), "application/json")
    assert expected.shape == (len(sample.rows), len(sample.schema.features))
    lines = "\n".join(json.dumps(record) for record in records(sample)).encode()
    bodies = {
        "JSON records": (json.dumps(records(sample)).encode(), "application/json"),
        "JSON features": (json.dumps([{"features": row} for row in rows]).encode(), "application/json"),
        "JSON Lines": (lines, "application/jsonlines"),
        "Parquet": (in_parquet(sample), "application/x-parquet"),
        "CSV": (in_csv(sample, header=False), "text/csv"),
        "CSV with a header": (in_csv(sample, header=True), "text/csv"),
    }
    for name, (body, content_type) in bodies.items():
        sizes = (0, 1 << 30) if content_type.startswith("text/csv") else (delimited._SMALL,)
        for small in sizes:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(delimited, "_SMALL", small)
                patch.setattr(delimited, "_SMALL_COLUMN", 0)
                got = matrix(sample, body, content_type)
            assert canonical(got) == canonical(expected), (name, small, got, expected)


def canonical(values: NDArray[np.float32]) -> bytes:
    """The bits, with one NaN for all."""
    return np.where(np.isnan(values), np.float32(np.nan), values).astype(np.float32).tobytes()


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)))
def test_a_timestamp_is_the_same_moment_as_text_and_as_a_type(moment: datetime) -> None:
    schema = Schema((Feature("when", Kind.DATE),), named=True)
    sample = Sample(schema, [[moment.replace(tzinfo=UTC)]], [0])
    text = matrix(sample, in_csv(sample, header=True), "text/csv")
    typed = matrix(
        Sample(schema, [[moment]], [0]), in_parquet(Sample(schema, [[moment]], [0])), "application/x-parquet"
    )
    assert text.tobytes() == typed.tobytes()
