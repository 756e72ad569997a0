from __future__ import annotations

import base64
import binascii
import contextlib
import re
import shutil
import struct
import zlib
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import pytest

from hypernet.domains import DOMAINS, available
from hypernet.lab.errors import UserError
from hypernet.lab.files import write_json, write_table, write_text
from hypernet.lab.results.summary import Comparison, Measurement, comparison_table, summarise
from hypernet.report.page import write_page

VOID = {"meta", "img", "br", "link", "hr", "input", "col", "wbr", "source"}
LOADED_BY = {"src", "srcset", "poster", "data", "action", "background"}


class Page(HTMLParser):
    """What a page holds; its tags must be closed in the order in which they were opened."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.pieces: list[tuple[str, str]] = []
        self.classes: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _ in attrs}) == len(attrs)
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            # A minus sign and a hyphen say the same here.
            self.pieces.append((self.open[-1] if self.open else "", data.strip().replace("−", "-")))
            self.classes.append(self.tags[-1][1].get("class", ""))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def classes_of(self, text: str) -> list[str]:
        """The classes of the one element that says ``text``."""
        (words_found,) = [words for (_, piece), words in zip(self.pieces, self.classes, strict=True) if piece == text]
        return words_found.split()

    @property
    def text(self) -> str:
        return " ".join(piece for tag, piece in self.pieces if tag != "style")

    @property
    def style(self) -> str:
        return " ".join(piece for tag, piece in self.pieces if tag == "style")


def png() -> bytes:
    """A picture of one grey point."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", binascii.crc32(name + content))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    content = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\x80")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + content


def measurement(value: float | None, group: str, low: float | None, high: float | None, **changes) -> Measurement:
    given = {
        "group": group,
        "metric": "ber",
        "unit": "1",
        "value": value,
        "low": low,
        "high": high,
        "n": 5000,
    }
    return Measurement(**given | changes)


def comparison(**changes) -> Comparison:
    given = {
        "dataset": "LDPC49_24",
        "group": "4 dB",
        "seed": 0,
        "method": "hyper",
        "reference": "bp",
        "metric": "neg_ln_ber",
        "difference": 0.5,
        "ci95_low": 0.25,
        "ci95_high": 0.75,
        "n": 40,
        "claimed": True,
    }
    return Comparison(**given | changes)


RUN = {
    "domain": "codes",
    "seed": 0,
    "parameter_count": 1234,
    "seconds": 61.2,
    "peak_memory_mb": 512.3,
    "device": "x86_64 CPU",
    "commit": "0123456789abcdef0123456789abcdef01234567",
}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The results of a small run of one domain, made up."""
    folder = tmp_path / "results" / "codes"
    metrics = []
    for dataset, method, measurements in (
        (
            "LDPC49_24",
            "bp",
            [measurement(0.4567, "4 dB", 0.4333, 0.4801), measurement(0.0005, "5 dB", 0.0004, 0.0006)],
        ),
        (
            "LDPC49_24",
            "hyper",
            [measurement(0.005, "4 dB", 0.004, 0.006), measurement(None, "5 dB", None, 3e-4)],
        ),
        ("BCH31_16", "bp", [measurement(4.6, "4 dB", None, None, metric="neg_ln_ber", unit="nat")]),
    ):
        path = folder / dataset / method / "seed0"
        measured = [asdict(measurement) for measurement in measurements]
        write_json(path / "metrics.json", {"dataset": dataset, "method": method, "seed": 0, "measurements": measured})
        write_json(path / "run.json", RUN | {"dataset": dataset, "method": method})
        metrics.append(path / "metrics.json")
    published = tmp_path / "published.csv"
    published.write_text(
        "dataset,method,group,metric,value,status,source\n"
        'LDPC49_24,bp,4 dB,ber,0.0123,published,"Somebody & Co 2019, table <1>"\n'
        "LDPC49_24,hyper,4 dB,ber,0.0456,unverified,from memory\n"
    )
    write_table(folder / "summary.csv", summarise("codes", "smoke", metrics, published))
    comparisons = [
        comparison(),
        comparison(group="5 dB", difference=0.125, ci95_low=-0.25, claimed=False),
        comparison(method="min_sum", difference=-0.5, ci95_low=-0.75, ci95_high=-0.25, claimed=False),
    ]
    write_table(folder / "comparisons.csv", comparison_table("codes", comparisons))
    (folder / "figures").mkdir()
    (folder / "figures" / "waterfall.png").write_bytes(png())
    return tmp_path / "results"


def page_of(results: Path) -> Page:
    out = results / "index.html"
    write_page(results, out)
    return Page(out.read_text(encoding="utf-8"))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    write_text(path, text.replace(old, new))


def test_the_page_is_well_formed_and_says_its_language_and_encoding(results):
    page = page_of(results)
    assert page.tags[0] == ("html", {"lang": "en"})
    assert {"charset": "utf-8"} in page.all("meta")
    identifiers = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(identifiers)) == len(identifiers)
    assert {link["href"] for link in page.all("a")} == {f"#{name}" for name in identifiers} == {"#codes"}


def test_the_page_can_be_read_without_a_network_and_by_itself(results, tmp_path):
    page = page_of(results)
    shutil.rmtree(results / "codes")
    (image,) = page.all("img")
    header, _, content = image["src"].partition(",")
    assert header == "data:image/png;base64"
    assert base64.b64decode(content, validate=True) == png()
    assert image["alt"]
    assert page.all("script") == page.all("link") == page.all("iframe") == []
    for _, attributes in page.tags:
        assert not any(attributes[name].startswith(("http", "//", "/")) for name in LOADED_BY & attributes.keys())
    assert "url(" not in page.style
    assert "@import" not in page.style


def test_every_domain_is_named_and_only_those_with_results_have_a_section(results):
    page = page_of(results)
    for title in DOMAINS.values():
        assert title in page.text
    assert [section["id"] for section in page.all("section")] == ["codes"]
    later = [attributes["title"] for attributes in page.all("span") if attributes.get("class") == "later"]
    assert len(later) == len(DOMAINS) - 1
    assert later.count("not built yet") == len(DOMAINS) - len(available())


def test_a_number_that_could_not_be_had_is_named_as_such(results):
    assert "not available" not in page_of(results).text
    edit(results / "codes" / "summary.csv", "0.0456", "")
    edit(results / "codes" / "summary.csv", "from memory", "not available: no table")
    assert ("span", "published: not available") in page_of(results).pieces


def test_numbers_stand_beside_what_was_published(results):
    page = page_of(results)
    assert ("span", "0.0123") in page.pieces
    assert ("span", "0.0456 unverified") in page.pieces
    classes = [attributes.get("class") for attributes in page.all("span")]
    # One in a cell, one in the sentence that explains the colours.
    assert classes.count("published") == 2
    assert classes.count("unverified") == 2
    assert "Belief propagation" in page.text
    # As many digits as the second one of the uncertainty.
    assert re.search(r"(?<!\d)0\.457 ± 0\.023", page.text)
    assert "from memory" in page.text


def test_what_was_not_measured_is_not_a_number(results):
    page = page_of(results)
    assert "< 3.00×10⁻⁴ too few errors" in page.text
    assert "nan" not in page.text.lower().split()
    assert "None" not in page.text


def test_a_method_that_is_only_quoted_shows_what_was_published_and_no_measurement(results):
    # The row that lab.results.summary writes for a published method that was not run: n is 0, no value, no bounds.
    path = results / "codes" / "summary.csv"
    columns = path.read_text(encoding="utf-8").splitlines()[0].split(",")
    quoted = {"domain": "codes", "dataset": "LDPC49_24", "method": "turbo", "group": "4 dB", "metric": "ber"}
    quoted |= {"unit": "1", "n": "0", "published": "0.0789", "source": "Turbo 1993", "scale": "smoke"}
    with path.open("a", encoding="utf-8") as file:
        file.write(",".join(quoted.get(column, "") for column in columns) + "\n")
    page = page_of(results)
    assert "turbo" in page.text
    assert ("span", "0.0789") in page.pieces
    assert "Turbo 1993" in page.text
    assert "nan" not in page.text.lower().split()
    # That stands in one cell of the fixture; in this one no errors were looked for.
    assert page.text.count("too few errors") == 1


def test_comparisons_say_what_their_interval_says(results):
    page = page_of(results)
    for difference, interval, verdict, claimed in (
        ("+0.500", "[+0.250, +0.750]", "better", True),
        ("+0.125", "[-0.250, +0.750]", "level", False),
        ("-0.500", "[-0.750, -0.250]", "worse", False),
    ):
        assert f"{difference} {interval}" in page.text
        assert set(page.classes_of(difference)) == {verdict} | ({"claimed"} if claimed else set())


def test_without_comparisons_the_page_has_its_tables(results):
    write_table(results / "codes" / "comparisons.csv", comparison_table("codes", []))
    text = page_of(results).text
    assert "Paired differences" not in text
    assert "Belief propagation" in text


def test_costs_are_those_of_the_runs(results):
    text = page_of(results).text
    assert "1,234 61 512 x86_64 CPU 0123456789" in text


def test_special_characters_are_shown_and_not_obeyed(results):
    evil = '<script>alert("1")</script><b>&amp;'
    folder = results / "codes"
    edit(folder / "summary.csv", "from memory", '"' + evil.replace('"', '""') + '"')
    edit(folder / "summary.csv", "hyper", "<i>hyper</i>")
    edit(folder / "BCH31_16" / "bp" / "seed0" / "run.json", "x86_64 CPU", "<img src=x onerror=y>")
    page = page_of(results)
    assert page.all("script") == page.all("b") == page.all("i") == []
    assert len(page.all("img")) == 1
    assert evil in page.text
    assert "<i>hyper</i>" in page.text
    assert "<img src=x onerror=y>" in page.text
    assert "Somebody & Co 2019, table <1>" in page.text


def test_a_missing_picture_is_left_out(results):
    (results / "codes" / "figures" / "waterfall.png").unlink()
    assert page_of(results).all("img") == []


def test_a_folder_that_is_no_domain_is_passed_over(results):
    shutil.copytree(results / "codes", results / "knitting")
    assert [section["id"] for section in page_of(results).all("section")] == ["codes"]


def test_results_of_a_domain_that_is_not_built_here_do_not_break_the_page(results):
    later = [name for name in DOMAINS if name not in available()]
    if not later:
        pytest.skip("every domain is built")
    shutil.copytree(results / "codes", results / later[0])
    # Its names for people are not here: an error of one line, or a page of the others.
    with contextlib.suppress(UserError):
        assert "codes" in [section["id"] for section in page_of(results).all("section")]


def test_comparisons_without_a_group_are_shown_too(results):
    edit(results / "codes" / "comparisons.csv", "4 dB", "")
    text = page_of(results).text
    assert "nan" not in text.lower().split()
    assert "[+0.250, +0.750]" in text


def test_uncommitted_changes_of_a_run_are_seen(results):
    clean = page_of(results).text
    edit(results / "codes" / "BCH31_16" / "bp" / "seed0" / "run.json", RUN["commit"], RUN["commit"] + "+")
    assert page_of(results).text != clean


@pytest.mark.parametrize(
    ("damaged", "content"),
    [("comparisons.csv", None), ("comparisons.csv", "a,b\n1,2\n"), ("summary.csv", "a,b\n1,2\n")],
    ids=["no comparisons", "other comparisons", "other summary"],
)
def test_damaged_results_are_one_line_and_keep_the_old_page(results, damaged, content):
    page_of(results)
    before = (results / "index.html").read_bytes()
    path = results / "codes" / damaged
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    with pytest.raises(UserError, match=damaged) as caught:
        write_page(results, results / "index.html")
    assert "\n" not in str(caught.value)
    assert (results / "index.html").read_bytes() == before


def test_without_results_one_line_says_so(tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UserError, match=r"no domain has a summary\.csv") as caught:
            write_page(folder, tmp_path / "index.html")
        assert str(folder) in str(caught.value)
    assert not (tmp_path / "index.html").exists()
