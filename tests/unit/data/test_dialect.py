"""How a CSV file or request is written: header and delimiter."""

import pytest

from container.data.dialect import find_delimiter, header_names, of_request, of_training
from container.data.schema import Feature, Other, Role, Schema
from container.data.table import Kind
from container.errors import DataError


def training(text: str, **options):
    return of_training(text.encode(), **{"header": None, "delimiter": None, "mentioned": ()} | options)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("price,area\n1,2\n", ("price", "area"), id="names above numbers"),
        pytest.param("price,color\n1,red\n", ("price", "color"), id="names above numbers and text"),
        pytest.param("color,price\nred,\n", ("color", "price"), id="names above text and a blank"),
        pytest.param("day,color\n2024-05-31,red\n", ("day", "color"), id="names above a date"),
        pytest.param("sold,color\nTrue,red\n", ("sold", "color"), id="names above a truth value"),
        pytest.param("price,area\nNA,NA\n", ("price", "area"), id="names above missing cells"),
        pytest.param("\n\nprice,area\n\n1,2\n", ("price", "area"), id="blank lines"),
        pytest.param('"price"," area "\n1,2\n', ("price", "area"), id="quoted names, with blanks"),
        pytest.param('"price, net",area\n1,2\n', ("price, net", "area"), id="a delimiter in a name"),
        pytest.param(",price\n0,1\n", ("column 0", "price"), id="an index without a name, as pandas writes"),
        pytest.param("price,area,\n1,2,\n", ("price", "area", ""), id="trailing delimiter"),
        pytest.param("price,area\n", ("price", "area"), id="a header alone"),
        pytest.param("price\n1\n", ("price",), id="one column"),
        pytest.param("price;area\n1;2\n", ("price", "area"), id="semicolons"),
        pytest.param("1,2\n3,4\n", None, id="numbers"),
        pytest.param("red,big\nblue,small\n", None, id="text above text"),
        pytest.param("red,1\nblue,2\n", None, id="a number in the first row"),
        pytest.param("red,NA\nblue,2\n", None, id="a missing cell in the first row"),
        pytest.param("red,true\n1,2\n", None, id="a truth value in the first row"),
        pytest.param("red,2024-05-31\n1,2\n", None, id="a date in the first row"),
        pytest.param("a,a\n1,2\n", None, id="a name twice"),
        pytest.param(",,a\n1,2,3\n", None, id="two blank cells"),
        pytest.param(",\n1,2\n", None, id="nothing but blanks"),
    ],
)
def test_a_header_is_text_that_differs_from_cell_to_cell_and_from_the_row_below(text, names):
    assert training(text).names == names


def test_a_first_row_with_a_name_that_is_mentioned_is_a_header():
    assert training("color,size\nred,big\n").names is None
    assert training("color,size\nred,big\n", mentioned=("size",)).names == ("color", "size")
    assert training("2020,2021\n1,2\n", mentioned=("2021",)).names == ("2020", "2021")


def test_what_the_user_says_of_the_header_holds():
    assert training("1,2\n3,4\n", header=True).names == ("1", "2")
    assert training("price,area\n1,2\n", header=False).names is None


def test_what_the_user_says_of_the_delimiter_holds():
    assert training("a,b;c,d\n1,2;2,3\n").delimiter == ","
    assert training("a,b;c,d\n1,2;2\n", delimiter=";").names == ("a,b", "c,d")


MUSHROOMS = "".join(f"{'ep'[i % 2]},{'xyz'[i % 3]},{'pq'[i % 2]}\n" for i in range(60))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("class,cap,odor\n" + MUSHROOMS, ("class", "cap", "odor"), id="words that do not come again"),
        pytest.param("class,x,odor\n" + MUSHROOMS, None, id="one that does"),
        pytest.param(MUSHROOMS, None, id="no header"),
        pytest.param("class,cap,odor\n" + MUSHROOMS[:60], None, id="too few rows to tell"),
        pytest.param("e,k,l\n" + MUSHROOMS, None, id="two that do not"),
        pytest.param("name,city\n" + "".join(f"n{i},c{i}\n" for i in range(60)), None, id="nothing comes again"),
    ],
)
def test_a_header_over_nothing_but_text(text, names):
    assert training(text).names == names


def test_width_counts_the_first_row():
    assert training("1,2,3\n").width == 3
    assert training("\n\n").width == 0


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a\tb\n1\t2\n", "\t"),
        ("a;b\n1;2\n", ";"),
        ("a|b\n1|2\n", "|"),
        ("a b\n1 2\n", " "),
        ("a\n1\n", ","),
        ("", ","),
        ('"a;b",c\n"d;e",f\n', ","),
        ("a;b\n1,5;2\n3,25;4\n", ";"),
        ("Doe, John\t5\nRoe, Jane\t6\n", "\t"),
        ("New York,1,2\nLos Angeles,2\n", ","),
        ("a note,1\nanother note,2\n", ","),
        ("one note\nanother note here\n", ","),
    ],
)
def test_find_delimiter(text, delimiter):
    assert find_delimiter(text.encode()) == delimiter


def test_a_name_that_occurs_twice_is_refused():
    with pytest.raises(DataError, match="the header names 'a', 'b' twice; give every column a name of its own"):
        header_names(["a", "b", "c", "b", "a"])


NAMED = Schema(
    (Feature("area", position=1), Feature("color", Kind.CATEGORY, 2, ("blue", "red")), Feature("sold", Kind.DATE, 4)),
    (Other("price", 0, Role.TARGET), Other("id", 3, Role.IGNORED)),
    named=True,
)
UNNAMED = Schema.from_names(3)
TEXT_ONLY = Schema(
    (Feature("color", Kind.CATEGORY, 0, ("red",)), Feature("size", Kind.CATEGORY, 1, ("big",))), named=True
)


@pytest.mark.parametrize(
    ("text", "schema", "names"),
    [
        pytest.param("area,color,sold\n1,red,2024-01-01\n", NAMED, ("area", "color", "sold"), id="all names"),
        pytest.param("sold,area,color\n2024-01-01,1,red\n", NAMED, ("sold", "area", "color"), id="another order"),
        pytest.param("area,color,sold\n", NAMED, ("area", "color", "sold"), id="names alone"),
        pytest.param(
            "price,id,note,area,color\n1,2,x,3,red\n", NAMED, ("price", "id", "note", "area", "color"), id="more"
        ),
        pytest.param("area,colour,sold\n1,red,2\n", NAMED, ("area", "colour", "sold"), id="a misspelt one"),
        pytest.param("a,b,c\n1,red,2\n", NAMED, ("a", "b", "c"), id="other names"),
        pytest.param("1,red,2024-01-01\n2,blue,\n", NAMED, None, id="rows"),
        pytest.param("1,red,2024-01-01\n", NAMED, None, id="one row"),
        pytest.param("area;color;sold\n1;red;2\n", NAMED, ("area", "color", "sold"), id="semicolons"),
        pytest.param(
            "note;area;color;sold\n1;1;red;2\n", NAMED, ("note", "area", "color", "sold"), id="more, semicolons"
        ),
        pytest.param(
            "Unnamed: 0,area,color, sold\n1,2,red,\n",
            NAMED,
            ("Unnamed: 0", "area", "color", "sold"),
            id="more, one with a blank",
        ),
        pytest.param("1,2,3\n", UNNAMED, None, id="numbers for a model without names"),
        pytest.param("a,b,c\n1,2,3\n", UNNAMED, ("a", "b", "c"), id="names for a model without"),
        pytest.param("red,big\n", TEXT_ONLY, None, id="a row of text"),
        pytest.param("red,big\nred,small\n", TEXT_ONLY, None, id="rows of text"),
        pytest.param("color,size\nred,small\n", TEXT_ONLY, ("color", "size"), id="names above rows of text"),
    ],
)
def test_a_requests_header(text, schema, names):
    assert of_request(text.encode(), schema).names == names


NUMBERED = Schema.from_names(4, ["0", "1", "2", "3"])  # as pandas names the columns of an array


@pytest.mark.parametrize("text", ["3,2,1,0\n", "0,1,0,1\n", "3,2,1,0\n1,2,0,0\n", "0,1,2,3\n", "7,8,9,9\n1,1,1,1\n"])
def test_numbers_are_no_header_where_the_columns_have_numbers_for_names(text):
    assert of_request(text.encode(), NUMBERED).names is None
    assert of_request(b"0,1\n1,0\n", Schema.from_names(2, ["0", "1"])).names is None


def test_a_header_of_numbers_is_to_be_announced():
    text = b"0,1,2,3\n5,6,7,8\n"
    with pytest.raises(DataError, match=r"names are \('0', '1', '2' and 1 more\), and could hold values; say"):
        of_request(text, NUMBERED)
    assert of_request(text, NUMBERED, header=True).names == ("0", "1", "2", "3")
    assert of_request(text, NUMBERED, header=False).names is None


def test_some_numbers_among_the_names_do_no_harm():
    schema = Schema.from_names(3, ["2023", "2024", "area"])
    assert of_request(b"2024,area,2023\n1,2,3\n", schema).names == ("2024", "area", "2023")
    assert of_request(b"2024,3,2023\n1,2,3\n", schema).names is None


@pytest.mark.parametrize(
    ("text", "delimiter", "width"),
    [("1,7\n2\n", ",", 2), ("1,\n2,\n", ",", 2), ("1;7\n2;8\n", ",", 1), ("1,2,3\n", ",", 3), ("1\n2\n", ",", 1)],
)
def test_a_model_of_one_feature_takes_no_line_for_one_cell_whatever_it_holds(text, delimiter, width):
    written = of_request(text.encode(), Schema.from_names(1))
    assert (written.delimiter, written.width, written.names) == (delimiter, width, None)


@pytest.mark.parametrize("first", ["?", "$1", "1;", "--", "2024-01-01"])
def test_what_has_no_letter_is_no_header_of_other_names(first):
    assert of_request(f"{first}\n1\n2\n".encode(), Schema.from_names(1)).names is None


def test_the_content_types_word_on_the_header_holds():
    assert of_request(b"1,red,2\n", NAMED, header=True).names == ("1", "red", "2")
    assert of_request(b"area,color,sold\n", NAMED, header=False).names is None


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " "])
def test_a_requests_delimiter_is_the_one_under_which_rows_fit(delimiter):
    assert of_request(delimiter.join("123").encode(), UNNAMED).delimiter == delimiter


def test_text_in_the_only_column_is_not_split():
    schema = Schema((Feature("city", Kind.CATEGORY, 1, ("New York",)),), (Other("y", 0, Role.TARGET),), named=True)
    written = of_request(b"New York\nLos Angeles\n", schema)
    assert (written.delimiter, written.width) == (",", 1)


def test_a_blank_in_text_does_not_make_one_cell_too_many_the_right_number():
    written = of_request(b"red,big,New York\n", TEXT_ONLY)
    assert (written.delimiter, written.width) == (",", 3)
