"""CSV: two engines that must agree, and messages that name the right line."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from container.data import delimited
from container.data.delimited import Dialect, decode_text, first_rows
from container.data.table import Place, Text
from container.errors import DataError
from tests.unit.data.reading import cells_of, rows_of

ENGINES = {"csv": 1 << 30, "arrow": -1}


def use_engine(patch: pytest.MonkeyPatch, engine: str) -> None:
    """Read with one engine, whatever the size of the data."""
    patch.setattr(delimited, "_SMALL", ENGINES[engine])
    patch.setattr(delimited, "_SMALL_COLUMN", -1)


@pytest.fixture(params=ENGINES)
def read(request, monkeypatch):
    use_engine(monkeypatch, request.param)

    def read(data: bytes | str, delimiter: str = ",", names: tuple[str, ...] | None = None, **options):
        data = data if isinstance(data, bytes) else data.encode()
        width = len(first_rows(data, delimiter, 1)[0])
        return delimited.read(data, Dialect(delimiter, names, width), Place("train/a.csv"), **options)

    return read


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        pytest.param("1,a\n2,b\n", [[1, "a"], [2, "b"]], id="plain"),
        pytest.param("1,a\n2,b", [[1, "a"], [2, "b"]], id="no newline at the end"),
        pytest.param("1,a\r\n2,b\r\n", [[1, "a"], [2, "b"]], id="crlf"),
        pytest.param("1,a\r2,b\r", [[1, "a"], [2, "b"]], id="cr"),
        pytest.param("\n\r\n1,a\n\n2,b\n\n\n", [[1, "a"], [2, "b"]], id="blank lines"),
        pytest.param(" 1 , a \n2,b\t\n", [[1, "a"], [2, "b"]], id="blanks around cells"),
        pytest.param('"1","a"\n"2","b"\n', [[1, "a"], [2, "b"]], id="quoted"),
        pytest.param('1,"a,b"\n2,"c ""d"""\n', [[1, "a,b"], [2, 'c "d"']], id="quotes and delimiters in cells"),
        pytest.param('1,"a\nb"\n2,"c\r\nd"\n', [[1, "a\nb"], [2, "c\r\nd"]], id="line breaks in cells"),
        pytest.param('1,5" pipe\n2,"x"y\n', [[1, '5" pipe'], [2, "xy"]], id="quotes inside cells"),
        pytest.param("1,\n,b\n", [[1, None], [None, "b"]], id="empty"),
        pytest.param('1,""\nNA,null\n3,x', [[1, None], [None, None], [3, "x"]], id="missing words"),
        pytest.param(" nan ,N/A \n2,x", [[None, None], [2, "x"]], id="missing words with blanks"),
        pytest.param("é,日本\nö,🏠", [["é", "日本"], ["ö", "🏠"]], id="unicode"),
        pytest.param("7\n8\n", [[7], [8]], id="one column"),
        pytest.param("1,2\n", [[1, 2]], id="one row"),
        pytest.param("+5,1e3\n.5,5.\n", [[5, 1000], [0.5, 5]], id="ways to write a number"),
        pytest.param("1,2,\n3,4,\n", [[1, 2], [3, 4]], id="trailing delimiter"),
        pytest.param("1,2,\n3,4,5\n", [[1, 2, None], [3, 4, 5]], id="a last column that is not blank throughout"),
    ],
)
def test_rows(read, text, rows):
    assert rows_of(read(text)) == rows


@pytest.mark.parametrize("delimiter", ["\t", ";", "|", " "])
def test_other_delimiters(read, delimiter):
    text = f'1{delimiter}"a{delimiter}b"\n2{delimiter}c,d\n'
    assert rows_of(read(text, delimiter)) == [[1, f"a{delimiter}b"], [2, "c,d"]]


def test_a_header_is_no_row(read):
    table = read("\n\na,b\n1,2\n", names=("a", "b"))
    assert (table.names, table.rows, rows_of(table)) == (("a", "b"), 1, [[1, 2]])


@pytest.mark.parametrize("text", ["a,b", "a,b\n", "a,b\n\n"])
def test_a_header_alone_has_columns_and_no_rows(read, text):
    table = read(text, names=("a", "b"))
    assert (len(table.columns), table.rows) == (2, 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_blank_lines_alone_have_no_columns(engine, monkeypatch):
    use_engine(monkeypatch, engine)
    assert not delimited.read(b"\n\r\n", Dialect(), Place()).columns


def test_a_trailing_delimiter_under_a_header(read):
    table = read("a,b,\n1,2,\n", names=("a", "b", ""))
    assert (table.names, rows_of(table)) == (("a", "b"), [[1, 2]])


def test_a_last_column_without_a_name_is_called_after_its_place(read):
    assert read("a,b,\n1,2,3\n", names=("a", "b", "")).names == ("a", "b", "column 2")


def test_a_last_column_of_a_width_known_to_be_right_is_kept(read):
    assert rows_of(read("1,2,\n", widths=(3,))) == [[1, 2, None]]


def test_columns_asked_for_as_text_keep_their_spelling(read):
    column = read("01,1\n1,2\n", text=(0,)).columns[0]
    assert isinstance(column, Text)
    assert [column.values[code] for code in column.codes] == ["01", "1"]


def test_text_that_comes_late_makes_the_column_text(read):
    text = "".join(f"{i:03},x\n" for i in range(500)) + "A5,x\n"
    assert cells_of(read(text).columns[0])[:3] == ["000", "001", "002"]


@pytest.mark.parametrize("odd", ["nan(ind)", "-nan(snan)", "nan()"])
def test_no_number_but_a_missing_word_is_missing(read, odd):
    text = "".join(f"{i},{i}\n" for i in range(200)) + f"NaN,{odd}\n"
    assert rows_of(read(text))[-1] == [None, odd]


def test_rows_longer_than_a_block(read):
    row = ",".join(["12345678"] * 3000 + ["x" * 1_500_000])
    table = read(f"{row}\n{row}\n")
    assert (table.rows, len(table.columns)) == (2, 3001)
    assert cells_of(table.columns[3000]) == ["x" * 1_500_000] * 2


def test_a_first_row_beyond_a_megabyte_has_its_whole_width():
    row = ",".join(["x" * 50] * 25_000)
    assert len(first_rows(f"{row}\n{row}\n".encode(), ",", 1)[0]) == 25_000


SYNTAX = ['"', '""', ",", "\n", "\r\n", "\r", " ", "\t", '"a\nb"', '"x,y"']
NUMBERS = ["1", "2.5", "1e5", "1e400", "+1", "-", ".5", "0x1", "1_0", "NA", "nan", "inf", "nan(1)"]
TEXT = ["a", "b", "é", "日", "\u00a0", "\x0b", "\x1c", "\x85", "\u2028"]
PIECES = st.sampled_from(SYNTAX + NUMBERS + TEXT)


def outcome(data: bytes, dialect: Dialect, engine: str) -> object:
    with pytest.MonkeyPatch.context() as patch:
        use_engine(patch, engine)
        try:
            table = delimited.read(data, dialect, Place("a.csv"))
        except DataError as error:
            return str(error)
        return table.names, table.rows, [cells_of(column) for column in table.columns]


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join), st.sampled_from([",", "\t", ";", "|", " "]), st.booleans())
def test_both_engines_read_any_text_alike(text, delimiter, header):
    data = text.encode()
    first = first_rows(data, delimiter, 1)
    if not first:
        return
    names = tuple(f"c{i}" for i in range(len(first[0]))) if header else None
    dialect = Dialect(delimiter, names, len(first[0]))
    assert outcome(data, dialect, "csv") == outcome(data, dialect, "arrow")


CELLS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=6)


@settings(max_examples=200, deadline=None)
@given(st.integers(2, 4).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=1)), st.data())
def test_what_the_csv_module_writes_is_read_back_by_both(rows, data):
    lines = io.StringIO(newline="")
    terminator = data.draw(st.sampled_from(["\n", "\r\n"]))
    csv.writer(lines, quoting=csv.QUOTE_ALL, lineterminator=terminator).writerows(rows)
    text, dialect = lines.getvalue().encode(), Dialect(",", None, len(rows[0]))
    found = outcome(text, dialect, "csv")
    assert found == outcome(text, dialect, "arrow")
    assert found[1] == len(rows)


@pytest.mark.parametrize(
    ("text", "names", "cause", "line"),
    [
        pytest.param("1,2\n3,4,5\n", None, "the row has 3 cells where the first has 2", 2, id="too many"),
        pytest.param("1,2\n3\n", None, "the row has 1 cells where the first has 2", 2, id="too few"),
        pytest.param("a,b\n1,2\n3\n", ("a", "b"), "the row has 1 cells where the first has 2", 3, id="header"),
        pytest.param("a,b\n1\n", ("a", "b"), "the row has 1 cells where the first has 2", 2, id="below the header"),
        pytest.param("\n\n1,2\n\n3\n", None, "the row has 1 cells where the first has 2", 5, id="blank lines"),
        pytest.param("\r\n1,2\r\n\r\n3\r\n", None, "the row has 1 cells where the first has 2", 4, id="crlf"),
        pytest.param("1,2\r\r3\r", None, "the row has 1 cells where the first has 2", 3, id="cr"),
        pytest.param(
            '1,"a\n\nb"\n3\n', None, "the row has 1 cells where the first has 2", 4, id="line breaks in cells"
        ),
        pytest.param('1,2\n"a\nb"\n', None, "the row has 1 cells where the first has 2", 2, id="the row's first line"),
        pytest.param("1,2\n  \n", None, "the row has 1 cells where the first has 2", 2, id="a line of blanks"),
        pytest.param(
            '1,2\n3,"x\n5,6\n', None, "the quoted cell that opens on line 2 is never closed", None, id="quote"
        ),
        pytest.param(
            '\n1,"a\nb"\n3,"x\n5,6\n',
            None,
            "the quoted cell that opens on line 4 is never closed",
            None,
            id="later quote",
        ),
    ],
)
def test_a_row_that_cannot_be_read_is_named(read, text, names, cause, line):
    with pytest.raises(DataError) as caught:
        read(text, names=names)
    place = "train/a.csv" if line is None else f"train/a.csv line {line}"
    assert str(caught.value).startswith(f"{cause} ({place}); ")


def test_a_ragged_row_far_down_a_large_file_is_named(read):
    text = "a,b\n" + "1,x\n" * 40_000 + "1\n" + "1,x\n" * 1000
    with pytest.raises(DataError, match=r"the row has 1 cells where the first has 2 \(train/a.csv line 40002\)"):
        read(text, names=("a", "b"))


@pytest.mark.parametrize("text", ['1,2,"' + "3,4\n" * 5, '"' + "x" * 100])
def test_an_unclosed_quote_never_swallows_the_file(read, text):
    with pytest.raises(DataError, match="the quoted cell that opens on line 1 is never closed"):
        read(text)


@pytest.mark.parametrize(
    ("data", "charset", "text"),
    [
        pytest.param(b"\xef\xbb\xbfa,b\n", None, "a,b\n", id="byte-order mark"),
        pytest.param("é\n".encode(), "UTF-8", "é\n", id="utf-8"),
        pytest.param("é\n".encode(), "us-ascii", "é\n", id="more than the charset says"),
        pytest.param("é\n".encode("latin-1"), "ISO-8859-1", "é\n", id="latin-1"),
        pytest.param("é,€\n".encode("cp1252"), "windows-1252", "é,€\n", id="windows"),
        pytest.param("é\n".encode("utf-16"), "utf-16", "é\n", id="utf-16 with its mark"),
        pytest.param("\ufeffé\n".encode("utf-16-le"), "utf-16-le", "é\n", id="utf-16-le"),
        pytest.param("日本\n".encode("shift_jis"), "shift_jis", "日本\n", id="shift_jis"),
    ],
)
def test_charsets(data, charset, text):
    assert decode_text(data, charset) == text.encode()


@pytest.mark.parametrize(
    ("data", "charset", "message"),
    [
        (b"a\nb\xe9\n", None, "line 2 is not UTF-8 text (byte 0xe9); send UTF-8, or name the encoding as in"),
        (b"a\r\rb\xe9\n", "utf-8", "line 3 is not UTF-8 text (byte 0xe9)"),
        (b"a,b\n\xe9,1\n", "ascii", "line 2 is not UTF-8 text (byte 0xe9)"),
        ("a\n".encode("utf-16"), None, "line 1 is not UTF-8 text (byte 0xff)"),
        (b"a\n1,\x81\n", "cp1252", "line 2 is not cp1252 text (byte 0x81)"),
        (b"a\nb\0c\n", None, "line 2 holds a NUL byte"),
        (b"a\nb\0c\n", "latin-1", "line 2 holds a NUL byte"),
        (b"a\n", "latin1000", "the charset 'latin1000' is unknown; send UTF-8"),
        (b"a\n", "hex", "the charset 'hex' is unknown"),
        (b"a\n", "undefined", "the charset 'undefined' is unknown"),
        (b"a\n", "a\0b", "the charset 'a\\x00b' is unknown"),
        (b"+2AA-\n", "utf-7", "the text is not valid utf-7"),
        (b"\\ud800\n", "unicode_escape", "the text is not valid unicode_escape"),
    ],
)
def test_what_is_no_text_is_refused(data, charset, message):
    with pytest.raises(DataError) as caught:
        decode_text(data, charset)
    assert str(caught.value).startswith(message)
