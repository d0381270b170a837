"""Stars of a catalog: the nearest of a point, and the medians of a set's spectra."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from tests.bench.gpu.decoding import projection
from tests.bench.gpu.results import Row
from tests.bench.gpu.timing import Bench, largest_difference
from xpmodel import Model
from xpmodel.latent.neighbours import Neighbours
from xpmodel.plots.group_bands import Band, group_band

K = 50
# Of float32 sums of 110 products on two devices, over the spread of the medians.
AGREEMENT = 1e-3


def nearest(bench: Bench) -> Iterator[Row]:
    """The 50 nearest stars of a point."""
    ours, cpu = (Neighbours(bench.catalog, device) for device in (bench.device, "cpu"))
    z = np.random.default_rng(6).standard_normal((bench.sizes.points, 6))
    stars = np.stack([bench.catalog[name] for name in ours.latents], axis=1)
    stars = torch.from_numpy(stars / ours.scale.astype(np.float32)).to(bench.device)
    n, k, number = len(stars), min(K, len(stars)), [0]

    def due() -> np.ndarray:
        number[0] += 1
        return z[number[0] % len(z)]

    def bare() -> object:
        q = torch.as_tensor(due() / ours.scale, dtype=torch.float32, device=bench.device)
        away = ((stars - q) ** 2).sum(dim=1)
        return torch.topk(away, k, largest=False).indices.cpu()

    times = bench.times(
        {
            "ours": lambda: ours.nearest(due(), K),
            "cpu": lambda: cpu.nearest(due(), K),
            "bare": bare,
        },
        bench.sizes.points,
    )
    yield Row.timed(
        f"nearest {K} of {n:,}: {bench.device.type}",
        "Neighbours.nearest, exact with ties; against bare distances and topk on the device, the "
        "rows copied back",
        times["ours"],
        times["bare"],
    )
    yield Row.timed(
        f"nearest {K} of {n:,}: on the CPU",
        "the same by the k-d tree; against the same floor",
        times["cpu"],
        times["bare"],
    )
    found = [[near.nearest(point, K) for point in z[:50]] for near in (ours, cpu)]
    differ = sum(not np.array_equal(a.rows, b.rows) for a, b in zip(*found, strict=True))
    yield Row.agreement(
        f"nearest {K} of {n:,}: agreement",
        f"points of {len(found[0])} whose nearest stars differ between GPU and CPU",
        float(differ),
        0.0,
    )


def medians(bench: Bench) -> Iterator[Row]:
    """The median and band of a set's decoded spectra."""
    n, shown = bench.sizes.group, projection()
    mask = np.arange(len(bench.catalog)) < n
    z = np.stack([bench.catalog[name][:n] for name in bench.catalog.latents], axis=1)
    model = bench.model
    matrix = torch.as_tensor(shown.matrix / np.abs(shown.matrix).max())
    matrix = matrix.to(model.device, torch.float32)
    mu, sig = (torch.as_tensor(v).to(matrix) for v in (model.mu, model.sig))

    def bare() -> object:
        with torch.inference_mode():
            x = model.network.decoder(torch.from_numpy(z).to(model.device)) * sig + mu
            return torch.sort(matrix.T @ x.T, dim=1).values[:, n // 2].cpu()

    def band(model: Model) -> Band:
        return group_band(bench.catalog, mask, shown, kind="decoded", model=model)

    times = bench.times({"ours": lambda: band(model), "bare": bare})
    yield Row.timed(
        f"medians of {n:,}: {bench.device.type}",
        "group_band, decoded, to 343 wavelengths: median, 16–84 % and error; against the bare "
        "decoder, a matrix product and a sort",
        times["ours"],
        times["bare"],
    )
    cpu = bench.times({"cpu": lambda: band(bench.cpu_model)}, 5, warm=1)["cpu"]
    yield Row.timed(
        f"medians of {n:,}: on the CPU", "the same on the CPU's cores; against the GPU", cpu,
        times["ours"],
    )  # fmt: skip
    a, b = (
        np.stack([found.low, found.median, found.high], axis=1)
        for found in (band(model), band(bench.cpu_model))
    )
    yield Row.agreement(
        f"medians of {n:,}: agreement",
        "largest |GPU − CPU| of the three percentiles, over their σ over the wavelengths",
        largest_difference(a, b),
        AGREEMENT,
    )
