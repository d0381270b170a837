"""Spectra in memory into latents, against the bare network's forward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from tests.bench.inputs import random_model, random_spectra
from tests.bench.measure import Row, medians
from xpmodel import Model, Spectra

N_STARS = 500_000
FLOOR_BATCHES = (1024, 4096, 16_384, 65_536, N_STARS)


def rows() -> Iterator[Row]:
    spectra = random_spectra(N_STARS)
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        yield from _on(random_model(device), spectra)


def _on(model: Model, spectra: Spectra) -> Iterator[Row]:
    wide = Spectra(
        source_id=spectra.source_id,
        coefficients=spectra.coefficients.astype(np.float64),
        errors=spectra.errors,
        g_flux=spectra.g_flux,
        g_flux_source=spectra.g_flux_source,
    )
    per_flux = spectra.coefficients / spectra.g_flux[:, None].astype(np.float32)
    x = torch.from_numpy((per_flux - model.mu) / model.sig).float()
    floors = {f"floor {batch}": _bare(model, x, batch) for batch in FLOOR_BATCHES}
    seconds = medians(
        5,
        float32=lambda: model.encode(spectra),
        float64=lambda: model.encode(wide),
        score=lambda: model.score(spectra),
        **floors,
    )
    best = min(floors, key=seconds.__getitem__)
    floor = N_STARS / seconds[best]
    where = "" if model.device.type == "cpu" else f" ({model.device.type})"
    yield Row(
        f"encode: float32{where}",
        N_STARS / seconds["float32"],
        "stars/s",
        f"Model.encode of {N_STARS:,} float32 spectra in memory, against the bare network on "
        f"normalized ones (the best of batches of {', '.join(map(str, FLOOR_BATCHES))}: "
        f"{best.split()[1]})",
        floor,
        "≥ 0.7",
    )
    yield Row(
        f"encode: float64{where}",
        N_STARS / seconds["float64"],
        "stars/s",
        "the same for float64 spectra, as CSV files have them",
        floor,
    )
    yield Row(
        f"encode: score{where}",
        N_STARS / seconds["score"],
        "stars/s",
        "Model.score, which decodes and forms χ² as well: what the command does",
        floor,
    )


def _bare(model: Model, x: Tensor, batch: int) -> Callable[[], object]:
    """The network alone, with the way to its device and back."""

    def run() -> None:
        with torch.inference_mode():
            for part in x.split(batch):
                for result in model.network.encode(part.to(model.device)):
                    result.cpu()

    return run
