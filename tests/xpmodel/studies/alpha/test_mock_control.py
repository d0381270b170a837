import numpy as np
import pytest

from tests.support.alpha import alpha_columns
from tests.support.tracks import catalog_of
from xpmodel import InputError
from xpmodel.studies.alpha import forests
from xpmodel.studies.alpha.mock_control import compare_with_truth, run_control


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    """Enough to tell what latents know, in half of the time."""
    monkeypatch.setattr(forests, "TREES", 50)


def sky(folder, *, signal):
    """A catalog whose labels hardly tell α, and its truth."""
    columns = alpha_columns(4000, signal=signal)
    catalog = catalog_of(folder / "stars.parquet", columns)
    rng = np.random.default_rng(3)
    truth = {name: columns[name] for name in ("teff", "logg", "m_h", "fe_h", "mg_fe")}
    truth |= {"ebv": rng.uniform(0, 0.1, 4000), "age": rng.uniform(1, 12, 4000)}
    return catalog, truth


@pytest.mark.slow
@pytest.mark.parametrize("signal", [True, False])
def test_gain_follows_the_truth(tmp_path, signal):
    catalog, truth = sky(tmp_path, signal=signal)
    result = compare_with_truth(catalog, truth, float(signal))
    gain = result.gain["balanced_accuracy"]
    orders = {order.name: order.right for order in result.orders}
    if signal:
        assert gain.low > 0.05
        assert orders["latents"].low > 0.9
    else:
        assert gain.low <= 0.01 and gain.high < 0.02
        assert orders["latents"].low < 0.52
    assert result.active == (["z1", "z3"])
    assert result.n_stars == result.without.n == result.with_latents.n == 4000


def test_too_few(tmp_path):
    with pytest.raises(InputError, match="100 stars are too few"):
        run_control(tmp_path, 100)
