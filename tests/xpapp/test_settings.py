import runpy
import sys
from pathlib import Path

import panel as pn
import pytest

from tests.support.mock import Mock, mock_model
from xpapp.runtime.names import as_markdown
from xpapp.settings import Settings, default_catalog, open_data
from xpmodel import InputError

MAIN = Path(__file__).resolve().parents[2] / "app" / "main.py"


def test_arguments_before_environment_before_defaults():
    environment = {"XPMODEL_CATALOG": "e.parquet", "XPMODEL_MODEL": "e"}
    arguments = ["--catalog", "a.parquet", "--model", "a"]
    assert Settings.of(arguments, environment) == Settings(Path("a.parquet"), Path("a"))
    assert Settings.of(arguments[:2], environment) == Settings(Path("a.parquet"), Path("e"))
    assert Settings.of([], environment) == Settings(Path("e.parquet"), Path("e"))
    assert Settings.of([], {}).catalog == default_catalog()


def test_how_long_visits_are_kept():
    environment = {"XPMODEL_VISIT_DAYS": "7", "XPMODEL_VISIT_MEGABYTES": "2.5"}
    settings = Settings.of([], environment)
    assert (settings.visit_days, settings.visit_megabytes) == (7, 2.5)
    assert (Settings.of([], {}).visit_days, Settings.of([], {}).visit_megabytes) == (90, 1000)


@pytest.mark.parametrize("name", ["XPMODEL_VISIT_DAYS", "XPMODEL_VISIT_MEGABYTES"])
@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "a week"])
def test_visits_are_kept_for_a_positive_number(name, text):
    with pytest.raises(InputError, match=f"{name} is '{text}', not a number above 0"):
        Settings.of([], {name: text})


@pytest.mark.parametrize("arguments", [["--catalogue", "x"], ["x.parquet"], ["--model"]])
def test_other_arguments(arguments):
    with pytest.raises(InputError, match=f"panel serve app --args: .*{arguments[0]}"):
        Settings.of(arguments, {})


def test_open(mock: Mock):
    opened = open_data(Settings(mock.catalog, mock.model))
    assert opened.problems == ()
    assert opened.model.hash == opened.catalog.model_hash
    again = open_data(Settings(mock.catalog, mock.model))
    assert again.catalog is opened.catalog and again.model is opened.model


def test_open_nothing(tmp_path):
    opened = open_data(Settings(tmp_path / "no.parquet", tmp_path / "model"))
    assert opened.catalog is None and opened.model is None
    catalog, model = opened.problems
    assert "no.parquet" in catalog and "Without a model" in model


def test_open_with_another_model(mock: Mock, tmp_path):
    mock_model(seed=9).save(tmp_path / "other")
    opened = open_data(Settings(mock.catalog, tmp_path / "other"))
    assert opened.model is None and len(opened.catalog) > 0
    (problem,) = opened.problems
    assert "was made by another model" in problem and opened.catalog.model_hash[:12] in problem


def test_open_truncated(mock: Mock, tmp_path):
    path = tmp_path / "short.parquet"
    path.write_bytes(mock.catalog.read_bytes()[:5000])
    opened = open_data(Settings(path, mock.model))
    assert opened.catalog is None and "not a whole Parquet file" in opened.problems[0]


def test_a_new_catalog_is_opened_anew(mock: Mock, tmp_path):
    path = tmp_path / "catalog.parquet"
    settings = Settings(path, mock.model)
    assert open_data(settings).catalog is None
    path.write_bytes(mock.catalog.read_bytes())
    assert open_data(settings).catalog is not None


def test_main_with_an_unknown_argument(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["panel", "--catalogue", "stars.parquet"])
    shown = []
    monkeypatch.setattr(pn.viewable.ServableMixin, "servable", lambda self, **_: shown.append(self))
    runpy.run_path(str(MAIN))
    (page,) = shown
    texts = [str(part.object) for part in page.main if hasattr(part, "object")]
    said = as_markdown("--catalogue is unknown; it takes --catalog, --model and --samp")
    assert any(said in text for text in texts)
