"""One point of latent space into a spectrum, against the bare network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from tests.bench.inputs import random_model
from tests.bench.measure import Row, medians
from xpmodel import Wavelengths
from xpmodel.live import decoded_curve
from xpmodel.projection import Projection


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
        "live.decoded_curve, z → flux and error, against decoder and scatter estimator alone",
        1e3 * seconds["floor"],
    )
