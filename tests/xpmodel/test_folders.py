"""Where the project's own files lie: in a checkout here, installed in tests/test_wheel.py."""

from pathlib import Path

from xpmodel._folders import data_folder, demo_model

DATA = Path(__file__).resolve().parents[2] / "data"


def test_in_a_checkout(monkeypatch, tmp_path):
    monkeypatch.delenv("XPMODEL_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    assert demo_model() == DATA / "demo_model" and data_folder() == DATA / "build"


def test_environment(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XPMODEL_DATA", "mine")
    assert data_folder() == tmp_path / "mine"
    assert demo_model() == DATA / "demo_model"
