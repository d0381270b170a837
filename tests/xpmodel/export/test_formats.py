"""The list of formats, from which all that writes files, offers them or speaks of them draws."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.mock import Mock
from xpmodel import InputError, open_catalog, write_stars
from xpmodel.cli.main import main
from xpmodel.export.formats import FORMATS, Format, format_of, listed
from xpmodel.export.rows import StarRows
from xpmodel.plots import plot_files
from xpmodel.report import figure_style

README = Path(__file__).parents[3] / "README.md"


def write_ids(path: Path, stars: StarRows) -> None:
    """A format that is new to the project: the ids, a line each."""
    with open(path, "w") as file:
        for chunk in stars.chunks():
            file.writelines(f"{i}\n" for i in chunk.column("source_id").to_pylist())


@pytest.fixture
def ids(monkeypatch: pytest.MonkeyPatch) -> str:
    """The one line that a new format takes, beside the module that writes it."""
    form = Format("Ids", "text/x-ids", f"{__name__}:write_ids")
    monkeypatch.setitem(FORMATS, ".ids", form)
    return ".ids"


def test_a_new_format_is_written(mock: Mock, tmp_path, ids):
    catalog = open_catalog(mock.catalog)
    path = tmp_path / f"stars{ids}"
    assert write_stars(catalog, catalog["z1"] > 0, path) == (catalog["z1"] > 0).sum()
    assert path.read_text().split() == list(map(str, catalog.source_id[catalog["z1"] > 0]))


def test_a_new_format_is_named_where_another_is_refused(ids):
    with pytest.raises(InputError, match=r"^a\.txt: the name must end in \.csv, .*\.vot or \.ids$"):
        format_of(Path("a.txt"))


def test_what_is_said_of_them():
    said = " ".join(CliRunner().invoke(main, ["select", "--help"]).output.split())
    assert f"({listed(FORMATS)})" in said
    assert listed(FORMATS) == ".csv, .ecsv, .fits, .parquet or .vot"
    text = " ".join(README.read_text(encoding="utf-8").split())
    assert f"**Save.** {listed(form.title for form in FORMATS.values())}, with" in text


def test_plots_are_written_as_tables_and_in_each_format_of_figures():
    forms = plot_files.FORMATS
    assert list(forms) == [".ecsv", ".fits", *figure_style.FORMATS]
    assert [f.title for f in forms.values()] == ["ECSV", "FITS", "PDF figure", "PNG figure"]
    assert all(forms[ending].mime == FORMATS[ending].mime for ending in (".ecsv", ".fits"))
