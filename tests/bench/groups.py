"""The median and band of the decoded spectra of 100,000 stars, against bare PyTorch."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from tests.bench.inputs import random_model
from tests.bench.measure import Row, medians
from tests.support.catalogs import write_catalog
from xpmodel import Wavelengths, open_catalog
from xpmodel.plots.group_bands import group_band
from xpmodel.plots.modes import Projection

N = 100_000


def rows() -> Iterator[Row]:
    model, wavelengths = random_model("auto"), Wavelengths()
    projection = Projection("flux", wavelengths)
    with tempfile.TemporaryDirectory() as folder:
        catalog = open_catalog(write_catalog(Path(folder) / "s.parquet", N, model.n_latents))
        z = np.stack([catalog[name] for name in catalog.latents], axis=1)
        everyone = np.ones(N, bool)
        matrix = torch.as_tensor(projection.matrix / np.abs(projection.matrix).max())
        matrix = matrix.to(model.device, torch.float32)
        mu, sig = (torch.as_tensor(v).to(matrix) for v in (model.mu, model.sig))

        def floor() -> None:
            with torch.inference_mode():
                x = model.network.decoder(torch.from_numpy(z).to(model.device)) * sig + mu
                torch.sort(matrix.T @ x.T, dim=1).values[:, N // 2].cpu()

        def ours() -> None:
            group_band(catalog, everyone, projection, kind="decoded", model=model)

        seconds = medians(7, ours=ours, floor=floor)
    yield Row(
        "set of 100,000",
        seconds["ours"],
        "s",
        f"group_bands.group_band of {N:,} stars: decoded, to 343 wavelengths, median and "
        "16–84 %; against the decoder, one matrix product and torch.sort along the stars, on "
        f"{model.device}",
        seconds["floor"],
        "≤ 1.5",
    )
