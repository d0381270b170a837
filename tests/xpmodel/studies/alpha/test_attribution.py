import numpy as np
import pytest
import torch

from xpmodel import Model
from xpmodel.mock.population import draw_stars
from xpmodel.mock.spectrum import coefficients_of, model_flux
from xpmodel.model.network import ScatterVAE
from xpmodel.studies.alpha.attribution import FluxEncoder, _fitted, _one


@pytest.fixture(scope="module")
def spectra():
    """Coefficients over the G flux of 40 mock stars."""
    return coefficients_of(model_flux(draw_stars(40, np.random.default_rng(0))))


@pytest.fixture(scope="module")
def encoder(spectra):
    """An untrained network that mock spectra vary in, in double precision."""
    torch.manual_seed(0)
    network = ScatterVAE(110, 4, (30, 12))
    mu, sig = spectra.mean(axis=0), spectra.std(axis=0) + 1e-6
    with torch.no_grad():
        network.train()
        network(torch.as_tensor((spectra - mu) / sig, dtype=torch.float32))
    return FluxEncoder(Model(network.eval(), mu, sig, device="cpu"), [0, 2, 3])


def test_flux_gives_the_coefficients_back(encoder, spectra):
    own = encoder.of_coefficients(spectra)
    assert own.shape == (40, 3)
    through_flux = encoder.encode(encoder.flux(spectra))
    assert np.sqrt(np.mean((own - through_flux) ** 2)) < 0.2 * own.std()  # untrained
    assert encoder.encode(3.0 * encoder.flux(spectra)) == pytest.approx(through_flux, abs=1e-5)


def test_the_jacobian_is_what_a_brighter_band_does(encoder, spectra):
    """Finite differences: the flux of a band grows by 1 %, and the spectrum is encoded anew."""
    flux = encoder.flux(spectra)
    response = encoder.response(flux)
    for low, high in ((420, 440), (510, 520), (700, 760), (850, 860)):
        band = (encoder.wavelength > low) & (encoder.wavelength < high)
        ends = [encoder.encode(flux * (1 + e * band)) for e in (0.01, -0.01)]
        change = (ends[0] - ends[1]) / 0.02
        assert response[..., band].sum(axis=-1) == pytest.approx(change, rel=0.02, abs=2e-3)
    # All of the flux brighter is another scale, which latents do not know.
    assert np.abs(response.sum(axis=-1)).max() < 1e-3 * np.abs(response).sum(axis=-1).min()


def test_integrated_gradients_add_up_to_the_difference(encoder, spectra):
    flux = encoder.flux(spectra)
    first, last = flux[:20], flux[20:]
    parts = encoder.integrated(first, last)
    change = encoder.encode(last) - encoder.encode(first)
    assert parts.sum(axis=-1) == pytest.approx(change, abs=1e-3 * np.abs(change).max())
    # A wavelength at which the stars are equal adds nothing; to go back is the opposite.
    same = last.copy()
    same[:, 100] = first[:, 100]
    assert np.abs(encoder.integrated(first, same)[..., 100]).max() == 0
    assert encoder.integrated(last, first) == pytest.approx(-parts, abs=1e-6)


def test_the_classifier_and_its_null():
    """Pairs of which one latent knows the order: its weight and the curve stand out, then not."""
    rng = np.random.default_rng(1)
    n, spread = 600, np.array([1.0, 10.0])
    moved = rng.normal(size=(n, 2)) * spread + [0.5, 0.0]
    added = moved[..., None] * np.array([0.25, 0.75])  # two wavelengths share each difference
    half = np.arange(n) % 2
    weights = _fitted(moved, spread, half)
    # Of unit normal differences about 0.5, the logit of an order is x (0.5 + 0.5) per unit.
    assert weights[:, 0] == pytest.approx(1.0, abs=0.3)
    assert np.abs(weights[:, 1]).max() < 0.03
    curve, right = _one(moved, added, spread, half, np.ones(n))
    expected = np.einsum("pk,pkl->pl", weights, added).mean(axis=0)
    assert curve == pytest.approx(expected)
    assert curve[1] == pytest.approx(3 * curve[0])
    null = [_one(moved, added, spread, half, rng.choice([-1.0, 1.0], n)) for _ in range(40)]
    assert curve[0] > 5 * np.std([c[0] for c, _ in null])
    assert right > 0.65 and abs(np.mean([r for _, r in null]) - 0.5) < 0.03
