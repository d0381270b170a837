"""The example notebook runs, cell by cell, and says what it should."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support.mock import Mock

NOTEBOOK = Path(__file__).resolve().parents[1] / "docs/latent_point.ipynb"


def said(notebook: nbformat.NotebookNode) -> str:
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    texts = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in outputs]
    return "\n".join(texts)


@pytest.mark.slow
def test_the_notebook_runs(mock: Mock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XPMODEL_CATALOG", str(mock.catalog))
    monkeypatch.setenv("XPMODEL_MODEL", str(mock.model))
    monkeypatch.setenv("IPYTHONDIR", str(mock.catalog.parent / "ipython"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not said(notebook)  # it is kept without outputs
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    text = said(notebook)
    for part in ("(4000, ['z1', 'z2', 'z4']", "Teff", "log g", "[M/H]", "observed", "3 of 3 rows"):
        assert part in text, part
    figures = [o for c in notebook.cells for o in c.get("outputs", []) if "image/png" in
               o.get("data", {})]  # fmt: skip
    assert len(figures) == 2
