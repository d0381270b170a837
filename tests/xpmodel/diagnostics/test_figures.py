"""Figures of odd stars and of the use of latents."""

import numpy as np
import pytest
from PIL import Image

from xpmodel import open_catalog
from xpmodel.diagnostics import figures as model_figures
from xpmodel.diagnostics.latent_use import follow_labels, use_of_catalog
from xpmodel.diagnostics.outlier_recovery import known_oddities, measure_recovery
from xpmodel.diagnostics.outliers import score_outliers
from xpmodel.model.folder import load_model


@pytest.fixture(scope="module")
def catalog(mock):
    return open_catalog(mock.catalog)


@pytest.mark.slow
def test_figures_are_drawn(mock, catalog, tmp_path):
    """Each has something in color, and says whose stars are mock."""
    scores = score_outliers(catalog)
    (tmp_path / "odd.txt").write_text("\n".join(map(str, catalog.source_id[scores.ranked[:9]])))
    recoveries = measure_recovery(scores, known_oddities([tmp_path / "odd.txt"], catalog))
    use = use_of_catalog(load_model(mock.model, "cpu"), catalog, n=10)
    paths = [
        model_figures.write_outliers(tmp_path / "a.png", catalog, scores, 50),
        model_figures.write_recovery(tmp_path / "b.png", catalog, recoveries),
        model_figures.write_widths(tmp_path / "c.png", catalog, use),
        model_figures.write_correlations(tmp_path / "d.png", catalog, follow_labels(catalog), use),
    ]
    for path in paths:
        pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
        assert min(pixels.shape[:2]) > 400
        assert (np.ptp(pixels, axis=2) > 100).mean() > 3e-4
