"""Whether what is said of errors is measured rightly: on errors that are known."""

import dataclasses

import numpy as np
import pytest

from xpmodel.studies.latent_errors.repeated_noise import (
    Calibration,
    RepeatedNoise,
    calibrate_draws,
    calibrate_truth,
)


def normal_stars(n: int, draws: int, narrow: float) -> RepeatedNoise:
    """Stars evenly over the plane, of known noise; ``z_err`` says a part of it."""
    rng = np.random.default_rng(1)
    true = rng.uniform(-3, 3, (n, 2))
    noise = np.broadcast_to(rng.uniform(0.2, 0.6, (n, 2)), (draws, n, 2))
    z = true + noise * rng.normal(size=(draws, n, 2))
    return RepeatedNoise(
        latents=["z1", "z2"],
        g_mag=np.full(n, 13.0),
        true=true,
        true_err=narrow * noise[0],
        true_noise=noise[0],
        z=z,
        z_err=narrow * noise,
        z_noise=noise,
        observed=z[0],
        from_truth=True,
    )


@pytest.mark.parametrize("calibrate", [calibrate_draws, calibrate_truth])
def test_memberships_by_the_true_errors_hold_as_often_as_they_say(calibrate):
    found = calibrate(normal_stars(400, 60, narrow=0.25), ("z1", "z2"))
    assert found.off("z_noise") < 0.02
    assert found.off("z_err") > 0.05
    # What too small an error is sure of is not so.
    assert found.held["z_err"][-2] < found.said["z_err"][-2] - 0.05


def test_the_order_of_the_two_latents_does_not_matter():
    stars = normal_stars(100, 20, narrow=0.5)
    a, b = (calibrate_draws(stars, pair) for pair in (("z1", "z2"), ("z2", "z1")))
    for name in ("z_err", "z_noise"):
        np.testing.assert_array_equal(a.n[name], b.n[name])
        np.testing.assert_allclose(a.held[name], b.held[name])


def test_how_far_off_by_hand():
    n = {"z_err": np.array([1, 3, 0]), "z_noise": np.zeros(3, int)}
    said = {name: np.array([0.2, 0.5, np.nan]) for name in n}
    held = {name: np.array([0.4, 0.4, np.nan]) for name in n}
    found = Calibration(("z1", "z2"), n, said, held)
    assert found.off("z_err") == pytest.approx((0.2 + 3 * 0.1) / 4)
    assert np.isnan(found.off("z_noise"))


def test_collapsed_latents_have_no_memberships_that_fail():
    """All stars at one place without errors: they are inside, for certain."""
    stars = normal_stars(20, 5, narrow=0.5)
    at = {name: np.zeros_like(getattr(stars, name))
          for name in ("true", "true_err", "true_noise", "z", "z_err", "z_noise")}  # fmt: skip
    found = calibrate_draws(dataclasses.replace(stars, **at), ("z1", "z2"))
    assert np.nansum(found.n["z_noise"]) in (0, 20)
