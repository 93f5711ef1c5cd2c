"""In pieces the same is read as at once, and the same is refused."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.data import json_pieces

_TEXTS = st.text(st.sampled_from('],}[{":\\ a\n'), max_size=6)
_VALUES = st.recursive(
    st.none() | st.integers(-9, 9) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)
_ROWS = st.lists(st.lists(_VALUES, max_size=4), max_size=12) | st.lists(st.dictionaries(_TEXTS, _VALUES), max_size=12)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_pieces, "_PIECE", 4)


def outcome(loads, data: bytes):
    try:
        return loads(data)
    except orjson.JSONDecodeError as error:
        return str(error)


@given(_ROWS | _VALUES, st.booleans(), st.sampled_from([0, orjson.OPT_INDENT_2]))
def test_the_value_is_the_same(rows, wrapped: bool, indent: int) -> None:
    data = orjson.dumps({"instances": rows} if wrapped else rows, option=indent)
    assert json_pieces.loads(data) == orjson.loads(data)


@given(
    _ROWS, st.integers(0, 200), st.sampled_from([b"", b",", b"]", b"[", b"}", b"{", b'"', b"1", b" ", b"],", b"],]"])
)
def test_what_is_spoilt_is_refused_in_the_same_words(rows, place: int, spoiling: bytes) -> None:
    data = orjson.dumps({"instances": rows} if place % 2 else rows)
    data = data[:place] + spoiling + data[place + place % 3 :]
    assert outcome(json_pieces.loads, data) == outcome(orjson.loads, data)


@pytest.mark.parametrize(
    "data",
    [
        b"[[1],[2],]",
        b"[[1],[2],[3],]",
        b'{"instances":[[1],[2],[3]],"x":[[1],[2]]}',
        b"[[1],[2],[3]]]",
        b"[[1],,[2],[3]]",
    ],
)
def test_what_only_looks_like_rows_is_read_at_once(data: bytes) -> None:
    assert outcome(json_pieces.loads, data) == outcome(orjson.loads, data)


def test_rows_are_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    monkeypatch.setattr(json_pieces.orjson, "loads", lambda data: sizes.append(len(data)) or orjson_loads(data))
    assert json_pieces.loads(b"[[1],[2],[3],[4]]") == [[1], [2], [3], [4]]
    assert max(sizes) < 12
    assert len(sizes) > 1


orjson_loads = orjson.loads
