"""One point of latent space into a spectrum, and many, against the bare network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from tests.bench.inputs import random_model
from tests.bench.measure import Row, medians
from xpmodel import Wavelengths
from xpmodel.plots.curves import decoded_curve
from xpmodel.plots.modes import Projection

N_MANY = 500_000


def rows() -> Iterator[Row]:
    model, projection = random_model(), Projection("flux", Wavelengths())
    z = tuple(np.random.default_rng(4).standard_normal(model.n_latents))
    point = torch.tensor([z], dtype=torch.float32)

    def floor() -> None:
        with torch.inference_mode():
            model.network.decode(point)

    seconds = medians(500, ours=lambda: decoded_curve(model, projection, z, 1e4), floor=floor)
    yield Row(
        "decode",
        1e3 * seconds["ours"],
        "ms",
        "curves.decoded_curve, z → flux and error, against decoder and scatter estimator alone",
        1e3 * seconds["floor"],
    )
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        yield _many(device)


def _many(device: str) -> Row:
    model = random_model(device)
    points = np.random.default_rng(5).standard_normal((N_MANY, model.n_latents), np.float32)
    inputs = torch.from_numpy(points)

    def floor() -> None:
        with torch.inference_mode():
            for part in inputs.split(65_536):
                for values in model.network.decode(part.to(device)):
                    values.cpu()

    seconds = medians(5, ours=lambda: model.decode(points), floor=floor)
    return Row(
        f"decode: many, {device}",
        N_MANY / seconds["ours"],
        "stars/s",
        f"Model.decode of {N_MANY:,} points to coefficients and scatter in memory, against the "
        "bare network in batches of 65,536",
        N_MANY / seconds["floor"],
    )
