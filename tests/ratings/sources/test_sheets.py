"""Tables as programs write them: encodings, separators, headers or none, and mistakes in one line."""

from __future__ import annotations

import csv
import gzip
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.lab.errors import UserError
from hypernet.ratings.sources.headers import plain_name, usual_names, whole_ids
from hypernet.ratings.sources.sheets import read_sheet
from tests.ratings.text_files import refused, written

NAMELESS = {2: ("item", "rating"), 3: ("user", "item", "rating"), 4: ("user", "item", "rating", "timestamp")}


def notes_of(path, sheet):
    return [note.removeprefix(f"{path}: ") for note in sheet.notes]


cells = st.text(alphabet='ab1 ,"é|', max_size=6).map(str.strip)


@given(st.lists(st.tuples(cells, cells, cells), max_size=8))
@settings(max_examples=60, deadline=None)
def test_tables_are_read_back(tmp_path_factory, rows):
    buffer = io.StringIO()
    csv.writer(buffer).writerows([("a", "b", "c"), *rows])
    columns, lines, _ = read_sheet(written(tmp_path_factory.getbasetemp(), buffer.getvalue(), "table.csv"))
    assert list(columns) == ["a", "b", "c"]
    # A row without anything in it is none.
    kept = [(number, row) for number, row in enumerate(rows, start=2) if any(row)]
    assert list(zip(*columns.values(), strict=True)) == [row for _, row in kept]
    assert lines.tolist() == [number for number, _ in kept]


def test_a_table_with_a_mark_blank_lines_and_line_breaks_in_fields(tmp_path):
    columns, lines, _ = read_sheet(written(tmp_path, b'\xef\xbb\xbfa,b\n\n1,"x\ny"\n2,z\n'))
    assert columns == {"a": ["1", "2"], "b": ["x\ny", "z"]}
    # The line where a row ends.
    assert lines.tolist() == [4, 5]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"a,b\n1\n", "line 2: 1 fields, the header has 2"),
        (b"a,b\n1,2,3\n", "line 2: 3 fields, the header has 2"),
        (b"a,a\n1,2\n", "line 1: column 2 is called 'a'"),
        (b"a,\n1,\n3,2\n", "line 3: '2' stands in a column without a name"),
        (b'a,b\n1,"2\n', "line 2: not CSV"),
        (b"a,b\n\xff\x81,1\n", "line 2: not a text in UTF-8"),
        (b"a,b\n\0,1\n", "not a text"),
    ],
)
def test_a_wrong_table_is_one_line(tmp_path, content, message):
    refused(read_sheet, written(tmp_path, content), message)


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("item;rating\n1;5\n2;1,5\n", {"item": ["1", "2"], "rating": ["5", "1.5"]}),
        ("item\trating\n1\t-2,25\n", {"item": ["1"], "rating": ["-2.25"]}),
        # A comma is no decimal comma where it parts cells, nor in a title.
        ('item,rating\n"1,5",2\n', {"item": ["1,5"], "rating": ["2"]}),
        ("item;title\n1;1,5 litres, or more\n", {"item": ["1"], "title": ["1,5 litres, or more"]}),
        ("sep=;\nitem;rating\n1;5\n", {"item": ["1"], "rating": ["5"]}),
        ("item,rating,\n1,5,\n2,3,\n", {"item": ["1", "2"], "rating": ["5", "3"]}),
        ("item,rating\n1,5,,\n", {"item": ["1"], "rating": ["5"]}),
        ("item,rating\n1,5\n\n2,3\n,\n  ,\n", {"item": ["1", "2"], "rating": ["5", "3"]}),
        ("item,rating\nAme\u0301lie,5\n", {"item": ["Am\u00e9lie"], "rating": ["5"]}),
        ('"a;b;c",d\n1,2\n', {"a;b;c": ["1"], "d": ["2"]}),
    ],
)
def test_tables_as_programs_write_them(tmp_path, content, columns):
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert read_sheet(written(tmp_path, content.encode(encoding)))[0] == columns
    assert read_sheet(written(tmp_path, content.replace("\n", "\r\n").encode()))[0] == columns


def test_a_decimal_comma_between_commas_is_hinted_at(tmp_path):
    refused(
        read_sheet, written(tmp_path, b"item,rating\n1,5\n2,1,5\n"), "line 3: 3 fields, .* decimal comma needs quotes"
    )


@given(st.text(alphabet='a,b"\n\r\0é1', max_size=40))
@settings(max_examples=150, deadline=None)
def test_no_content_breaks_the_reader_of_tables(tmp_path_factory, content):
    path = written(tmp_path_factory.getbasetemp(), content, "any.csv")
    try:
        (columns, lines, _), message = read_sheet(path), None
    except UserError as error:
        message = str(error)
    if message is None:
        assert all(len(column) == len(lines) for column in columns.values())
    else:
        assert message.startswith(str(path))
        assert "\n" not in message


RATED = {"user": ["1", "1", "2"], "item": ["7", "8", "7"], "rating": ["5", "3.5", "1"]}
ROWS = list(zip(*RATED.values(), strict=True))


@pytest.mark.parametrize("separator", [",", ";", "\t", "::", "|", " "])
@pytest.mark.parametrize("header", [("user", "item", "rating"), ("UserID", "MovieID", "Rating"), None])
def test_every_separator_with_and_without_names(tmp_path, separator, header):
    lines = [separator.join(row) for row in ([header] if header else []) + ROWS]
    path = written(tmp_path, "\n".join(lines))
    sheet = read_sheet(path, nameless=NAMELESS)
    assert list(usual_names(sheet.columns, "", ("user", "item", "rating")).values()) == list(RATED.values())
    told = ["no names of columns in line 1; taken for user, item, rating"]
    assert notes_of(path, sheet) == ([] if header else told)
    assert sheet.lines.tolist() == [number + (1 if header else 0) for number in (1, 2, 3)]


def test_movielens_has_titles_with_commas_and_genres_with_bars(tmp_path):
    path = written(tmp_path, "1::City of Lost Children, The (1995)::Adventure|Sci-Fi\n2::Amélie (2001)::Comedy\n")
    columns = read_sheet(path, nameless={3: ("item", "title", "genres")}).columns
    assert columns["title"] == ["City of Lost Children, The (1995)", "Amélie (2001)"]
    assert columns["genres"] == ["Adventure|Sci-Fi", "Comedy"]
    path = written(tmp_path, "1,Toy Story,Adventure|Animation|Children|Comedy|Fantasy\n2,Heat,Action\n")
    assert read_sheet(path, nameless={3: ("item", "title", "genres")}).columns["item"] == ["1", "2"]
    path = written(tmp_path, 'item|title\n1|"Great" One, The\n2|12" Vinyl\n3|"Open\n')
    assert read_sheet(path).columns["title"] == ['"Great" One, The', '12" Vinyl', '"Open']


def test_data_without_names_in_another_number_of_columns(tmp_path):
    refused(
        lambda path: read_sheet(path, nameless=NAMELESS),
        written(tmp_path, "1,2,3,4,5\n"),
        "line 1: 5 fields and no names of columns; write them above: item, rating or user, item, rating or",
    )


def test_the_encoding_of_western_spreadsheets_is_noted(tmp_path):
    text = "item,title\n1,Heat\n2,Amélie – “2”\n"
    path = written(tmp_path, text.encode("cp1252"))
    sheet = read_sheet(path)
    assert sheet.columns["title"] == ["Heat", "Amélie – “2”"]
    assert notes_of(path, sheet) == ["not in UTF-8; read as Windows-1252, line 3: '2,Amélie – “2”'"]
    for encoding in ("utf-16-le", "utf-16-be"):
        assert read_sheet(written(tmp_path, text.encode(encoding))).columns == sheet.columns


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(b"item,rating\n1,5\n", mtime=0), "compressed \\(gzip\\); unpack it; accepted: CSV"),
        (b"PK\x03\x04" + b"\0\xff" * 50, "an Excel workbook or a zip archive; save the sheet as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Excel workbook"),
        (b"PAR1\x15\x04", "a Parquet file; write it as CSV"),
        (b'[{"item": 1, "rating": 5}]', "JSON, not a table"),
        (b'{"item": 1}\n{"item": 2}\n', "JSON, not a table"),
        (b"<html><table>", "HTML or XML, not a table"),
        (b'item,rating\n1,5\n"Heat,3\n2,4\n', "line 3: not CSV \\(a quote opens here that none closes"),
        (b"item,rating\n" + b"x" * 200_000 + b",5\n", "line 2: a cell of more than 131072 characters"),
        (b"item,rating\nMatrix, The,5\n", "line 2: 3 fields, the header has 2; a cell with ',' in it needs quotes"),
    ],
)
def test_what_is_no_table_is_called_what_it_is(tmp_path, content, message):
    refused(read_sheet, written(tmp_path, content), message)


@pytest.mark.parametrize(
    ("first", "rows", "dropped"),
    [("", "0123", True), ("Unnamed: 0", "0123", True), ("", "5792", True), ("Unnamed: 0", "1123", False)],
)
def test_numbers_of_rows_are_left_out(tmp_path, first, rows, dropped):
    path = written(tmp_path, f"{first},item\n" + "".join(f"{row},i{place}\n" for place, row in enumerate(rows)))
    assert list(read_sheet(path).columns) == (["item"] if dropped else [first, "item"])


@pytest.mark.parametrize(
    ("above", "told"),
    [
        ("My ratings\n\n", ["left out above the names of the columns: 2 lines"]),
        ("# exported, by me, today\n", ["left out above the names of the columns: 1 line"]),
        ("#", []),
        ("\n\n", []),
    ],
)
def test_lines_above_the_names_of_columns(tmp_path, above, told):
    path = written(tmp_path, f"{above}user,item,rating\n1,7,5\n")
    sheet = read_sheet(path)
    assert sheet.columns == {"user": ["1"], "item": ["7"], "rating": ["5"]}
    assert notes_of(path, sheet) == told
    assert sheet.lines.tolist() == [above.count("\n") + 2]


def test_tables_of_markdown_and_of_mysql(tmp_path):
    path = written(tmp_path, "| item | rating |\n|---|:-:|\n| 1 | 5 |\n")
    assert read_sheet(path).columns == {"item": ["1"], "rating": ["5"]}
    path = written(tmp_path, 'item,title\n1,"The \\"Great\\" One, or two"\n')
    assert read_sheet(path).columns["title"] == ['The "Great" One, or two']


def test_points_between_thousands_beside_a_decimal_comma(tmp_path):
    path = written(tmp_path, "item;price;rating\n1;1.012,50;4,5\n2;375,00;3\n3;1.200;1,125\n")
    columns = read_sheet(path).columns
    assert columns["price"] == ["1,012.50", "375.00", "1,200"]
    assert columns["rating"] == ["4.5", "3", "1.125"]


@pytest.mark.parametrize(
    ("header", "usual"),
    [
        ("reviewerID,asin,overall,unixReviewTime,reviewTime", "user,item,rating,timestamp,reviewTime"),
        ("user_id,parent_asin,asin,rating", "user,item,asin,rating"),
        ("User-ID,ISBN,Book-Rating", "user,item,rating"),
        ("uid,iid,r_ui", "user,item,rating"),
        ("user_id:token,item_id:token,rating:float,timestamp:float", "user,item,rating,timestamp"),
        ("Date,Name,Year,Letterboxd URI,Rating", "timestamp,title,year,Letterboxd URI,rating"),
        ("Const,Your Rating,Title,Original Title,IMDb Rating", "Const,rating,title,Original Title,IMDb Rating"),
        ("Book Id,Title,My Rating,Average Rating", "item,title,rating,Average Rating"),
        ("rated_at,title,year,trakt_rating,trakt_id,rating", "timestamp,title,year,trakt_rating,trakt_id,rating"),
        ("Titel;Bewertung".replace(";", ","), "title,rating"),
        ("item,movie,Rating (1-5)", "item,title,rating"),
        ("customer_id,product_id,review_score,order_date", "user,item,rating,timestamp"),
    ],
)
def test_columns_as_other_programs_call_them(header, usual):
    columns = {name: [] for name in header.split(",")}
    wanted = ("user", "item", "rating", "title", "year", "timestamp")
    assert list(usual_names(columns, "r.csv, line 1", wanted)) == usual.split(",")


def test_names_without_what_is_added():
    assert plain_name("Rating (1-5)") == plain_name("rating:float") == plain_name("RATING") == "rating"
    assert plain_name("(1-5)") == "15"


def test_whole_numbers_that_have_become_floats():
    assert whole_ids(["34.0", "7.0", ""]) == ["34", "7", ""]
    assert whole_ids(["34.0", "tt7"]) == ["34.0", "tt7"]
    assert whole_ids(["1.5", "2.0"]) == ["1.5", "2.0"]
