import numpy as np
import pytest

from xpmodel.catalog.label_relations import high_alpha_mask
from xpmodel.mock.labels import draw_labels
from xpmodel.mock.population import draw_stars


@pytest.fixture(scope="module")
def sky():
    stars = draw_stars(60_000, np.random.default_rng(0))
    return stars, draw_labels(stars, np.random.default_rng(1))


def kept(stars, labels, cut, variant):
    """The named cuts of Laroche & Speagle (2024), written out."""
    ratio = labels["TEFF"] / labels["TEFF_ERR"]
    bits = (1 << 19) | (1 << 23) if variant == "paper" else (1 << 2) | (1 << 3)
    common = (labels["STARFLAG"] == 0) & (labels["ASPCAPFLAG"] & bits == 0)
    common &= (stars.g_mag > 6) & (stars.g_mag < 17.5)
    good = (30 if variant == "paper" else 20, 0.4, 0.2)
    limits = good if cut == "good" else (100, 0.1, 0.05)
    return (
        common
        & (ratio > limits[0])
        & (labels["LOGG_ERR"] < limits[1])
        & (labels["M_H_ERR"] < limits[2])
    )


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_named_cuts_keep_the_published_shares(sky, variant):
    assert kept(*sky, "good", variant).mean() == pytest.approx(0.40, abs=0.04)
    pristine = kept(*sky, "pristine", variant)
    assert pristine.mean() == pytest.approx(0.25, abs=0.04)
    assert sky[0].giant[pristine].all()


def test_labels_scatter_by_their_errors(sky):
    stars, labels = sky
    for name, truth in (("TEFF", stars.teff), ("M_H", stars.m_h), ("ALPHA_M", stars.alpha_m)):
        unit = (labels[name] - truth) / labels[f"{name}_ERR"]
        assert unit.std() == pytest.approx(1, abs=0.02)
        assert unit.mean() == pytest.approx(0, abs=0.02)


def test_measured_magnitudes_and_dust_have_errors(sky):
    stars, labels = sky
    for name, true, error in (("J", stars.j, 0.023), ("H", stars.h, 0.023), ("K", stars.k, 0.023)):
        bright = true < 10
        assert np.std((labels[name] - true)[bright]) == pytest.approx(error, rel=0.05)
        faint = true > np.quantile(true, 0.98)
        assert np.std((labels[name] - true)[faint]) > 1.2 * error
    assert (labels["SFD_EBV"] >= 0).all()
    dusty = stars.sfd_ebv > 0.3
    assert np.std((labels["SFD_EBV"] / stars.sfd_ebv - 1)[dusty]) == pytest.approx(0.16, abs=0.01)


def test_metallicity_alone_hardly_tells_alpha(sky):
    """0.68 in Table 1 of Laroche & Speagle (2024), where 0.278 are of high α."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import train_test_split

    pristine = kept(*sky, "pristine", "released")
    high = high_alpha_mask(sky[1]["FE_H"], sky[1]["MG_FE"])[pristine]
    assert high.mean() == pytest.approx(0.278, abs=0.015)
    m_h = sky[1]["M_H"][pristine][:, None]
    known, asked, truth, rest = train_test_split(m_h, high, random_state=0, test_size=0.5)
    called = RandomForestClassifier(30, random_state=0).fit(known, truth).predict(asked)
    assert (called == rest).mean() == pytest.approx(0.68, abs=0.03)
