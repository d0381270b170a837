"""What commands print alike, and where they look for a model."""

import io
from pathlib import Path

import pytest

from tests.support.mock import mock_model
from xpmodel import InputError, open_catalog
from xpmodel.cli import output
from xpmodel.cli.output import catalog_model, result_folder, star_progress


def test_results_lie_beside_the_catalog_or_where_they_are_wanted():
    assert result_folder(Path("a/stars.parquet"), None, "classify") == Path("a/stars.classify")
    assert result_folder(Path("a/stars.parquet"), Path("b"), "classify") == Path("b")


def test_the_model_given_must_have_made_the_catalog(mock, tmp_path):
    catalog = open_catalog(mock.catalog)
    assert catalog_model(catalog, mock.model).hash == catalog.model_hash
    mock_model(seed=3).save(tmp_path / "other")
    with pytest.raises(InputError, match="give the model that encoded it"):
        catalog_model(catalog, tmp_path / "other")


def test_the_demo_model_where_it_made_the_catalog(mock, tmp_path, monkeypatch):
    catalog = open_catalog(mock.catalog)
    mock_model(seed=3).save(tmp_path / "demo")
    monkeypatch.setattr(output, "demo_model", lambda: tmp_path / "demo")
    assert catalog_model(catalog, None) is None  # another made it
    monkeypatch.setattr(output, "demo_model", lambda: mock.model)
    assert catalog_model(catalog, None).hash == catalog.model_hash


def test_progress_estimates_the_number_of_stars(monkeypatch):
    bars = []
    real = output.tqdm

    def kept(**options):
        bars.append(real(**(options | {"disable": False, "file": io.StringIO()})))
        return bars[-1]

    monkeypatch.setattr(output, "tqdm", kept)
    with star_progress() as progress:
        (bar,) = bars
        progress(0, 0.0)
        assert bar.total is None
        progress(250, 0.25)
        assert (bar.n, bar.total) == (250, 1000)
        progress(900, 1.0)
        assert (bar.n, bar.total) == (900, 900)


def test_progress_that_is_not_shown(capsys):
    with star_progress(shown=False) as progress:
        progress(10, 0.5)
    assert capsys.readouterr().err == ""
