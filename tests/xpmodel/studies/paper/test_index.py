from html.parser import HTMLParser

from xpmodel.studies.paper.index import About, Row, count, html_page, markdown_page
from xpmodel.studies.paper.items import ITEMS, WORKS, Item
from xpmodel.studies.paper.results import Headline

BAD = '<script>alert("1")</script> & a|b'
ABOUT = About(BAD, 1200, 3, "f00dfeedcafebabe", ("reproduce", "a b.parquet"), "xpmodel 1")


def rows():
    item = Item("fig_0", BAD, "evaluate", ("a.pdf",), lambda _: Headline(""))
    return [
        Row(item, ("evaluate", BAD), ("evaluate/a #1.pdf",), Headline(BAD, "0.5", "p < 0.01")),
        Row(item, (), (), None, BAD),
    ]


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.links, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        self.found.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data):
        self.text += data


def test_page_is_escaped_has_no_script_and_leans_on_nothing_else():
    page = html_page(rows(), ABOUT)
    tags = Tags()
    tags.feed(page)
    assert "script" not in tags.found and "link" not in tags.found and "img" not in tags.found
    assert tags.links == ["evaluate/a%20%231.pdf"]
    assert tags.text.count(BAD) == 7  # title, name, item twice, command, number, reason
    assert tags.found.count("tr") == 3
    assert "MOCK" in tags.text and "1 of 2 items; 1 could not be had." in tags.text


def test_no_badge_without_mock_stars():
    real = About("stars.parquet", 10, 0, "f00d", ("reproduce",), "xpmodel 1")
    assert "MOCK" not in html_page(rows(), real) and "MOCK" not in markdown_page(rows(), real)


def test_markdown_keeps_its_columns():
    text = markdown_page(rows(), ABOUT, "An introduction.\n")
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 4
    assert all(line.replace("\\|", "").count("|") == 7 for line in table)
    assert "<script" not in "".join(line for line in table if "`xpmodel" not in line)
    assert "An introduction." in text and "xpmodel reproduce 'a b.parquet'" in text
    assert count(rows()) in text


def test_each_item_has_what_makes_it_or_a_reason():
    works = {work.name: work for work in WORKS}
    names = [item.name for item in ITEMS]
    assert len(set(names)) == len(names) and len(works) == len(WORKS)
    for item in ITEMS:
        assert (item.headline is None) == bool(item.why)
        assert item.work in works or item.why
        assert all(name.endswith(".pdf") for name in item.figures)
    for work in WORKS:
        assert bool(work.words) != (work.draw is not None), work.name
        assert bool(work.needs) == bool(work.why)
    assert {item.work for item in ITEMS} - {""} == set(works)
