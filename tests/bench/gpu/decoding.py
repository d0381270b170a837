"""One z and many into spectra, and spectra into latents."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import torch

from tests.bench.gpu.results import Row
from tests.bench.gpu.timing import Bench, largest_difference
from tests.bench.inputs import random_spectra
from xpmodel.plots.curves import decoded_curve
from xpmodel.plots.modes import Projection

# As the tests ask of float32 on two devices.
AGREEMENT = 1e-3


def projection() -> Projection:
    """To 343 wavelengths; of the instrument model only the size matters here."""
    matrix = np.random.default_rng(0).standard_normal((110, 343)) * 1e-20
    return Projection("flux", SimpleNamespace(grid=np.linspace(336, 1020, 343), matrix=matrix))


def point(bench: Bench) -> Iterator[Row]:
    """Live decoding of one z, as a slider asks for it."""
    z = tuple(np.random.default_rng(4).standard_normal(bench.model.n_latents))
    model, shown = bench.model, projection()
    here, there = (torch.tensor([z], dtype=torch.float32, device=d) for d in ("cpu", bench.device))

    def on_device() -> np.ndarray:
        return torch.stack(model.decode(there)).cpu().numpy()

    with torch.inference_mode():
        replayed = bench.captured(lambda: model.network.decode(there))
        times = bench.times(
            {
                "point": lambda: model.decode_point(z),
                "curve": lambda: decoded_curve(model, shown, z, 1e4),
                "floor": lambda: bench.cpu_model.network.decode(here),
                "device": on_device,
                "replayed": replayed,
            },
            bench.sizes.points,
        )
    for name, what in (
        ("point", "Model.decode_point, z → coefficients and scatter in memory"),
        ("curve", "decoded_curve, z → flux and error at 343 wavelengths"),
    ):
        yield Row.timed(
            f"one z: {name}",
            f"{what}: on the CPU, whatever the model's device; against the bare network there",
            times[name],
            times["floor"],
        )
    yield Row.timed(
        f"one z: point, asked of {bench.device.type}",
        "for comparison: Model.decode of one z on the device, its result in memory; against the "
        "bare network as a CUDA graph, its result left there",
        times["device"],
        times["replayed"],
    )
    away = np.abs((on_device()[:, 0] - np.stack(model.decode_point(z))) / model.sig).max()
    yield Row.agreement(
        "one z: agreement",
        "largest |GPU − CPU| of coefficients and scatter, over each coefficient's σ",
        float(away),
        AGREEMENT,
    )


def decode(bench: Bench) -> Iterator[Row]:
    """Many points into coefficients and scatter."""
    n, model = bench.sizes.stars, bench.model
    points = np.random.default_rng(5).standard_normal((n, model.n_latents), np.float32)
    there = torch.from_numpy(points).to(bench.device)

    def bare() -> object:
        with torch.inference_mode():
            return model.network.decode(there)

    results = model.decode(there)
    times = bench.times(
        {
            "arrays": lambda: model.decode(points),
            "tensors": lambda: model.decode(there),
            "back": lambda: [part.cpu() for part in results],
            "to": lambda: torch.from_numpy(points).to(bench.device),
            "bare": bare,
        }
    )
    copies = np.median(times["back"]) + np.median(times["to"])
    yield Row.timed(
        f"decode {n:,}: tensors on the device",
        "Model.decode, z → coefficients and scatter, all on the device; against the bare network",
        times["tensors"],
        times["bare"],
    )
    yield Row.timed(
        f"decode {n:,}: arrays in memory",
        "the same from NumPy and into NumPy",
        times["arrays"],
        times["bare"],
        copies_share_percent=100 * float(copies / np.median(times["arrays"])),
        copy_back_ms=1e3 * float(np.median(times["back"])),
    )
    cpu = bench.times({"cpu": lambda: bench.cpu_model.decode(points)}, 5, warm=1)["cpu"]
    yield Row.timed(
        f"decode {n:,}: on the CPU",
        "the same on the CPU's cores; against the GPU from NumPy into NumPy",
        cpu,
        times["arrays"],
    )
    wanted = bench.cpu_model.decode(points)
    away = max(largest_difference(a, b) for a, b in zip(results, wanted, strict=True))
    yield Row.agreement(
        f"decode {n:,}: agreement",
        "largest |GPU − CPU| of coefficients and scatter, over their σ over the points",
        away,
        AGREEMENT,
    )


def encode(bench: Bench) -> Iterator[Row]:
    """Many spectra into latents."""
    n, model = bench.sizes.stars, bench.model
    spectra = random_spectra(n)
    per_flux = spectra.coefficients / spectra.g_flux[:, None].astype(np.float32)
    x = torch.from_numpy(((per_flux - model.mu) / model.sig).astype(np.float32)).to(bench.device)
    given = torch.from_numpy(spectra.coefficients)
    pinned = given.pin_memory() if bench.on_gpu else given

    def bare() -> object:
        with torch.inference_mode():
            return model.network.encode(x)

    times = bench.times(
        {
            "encode": lambda: model.encode(spectra),
            "score": lambda: model.score(spectra),
            "copy": lambda: given.to(bench.device),
            "pinned": lambda: pinned.to(bench.device, non_blocking=True),
            "bare": bare,
        }
    )
    copy = float(np.median(times["copy"]))
    yield Row.timed(
        f"encode {n:,}: latents",
        "Model.encode, float32 spectra in memory → latents in memory; against the bare network on "
        "normalized spectra that lie on the device",
        times["encode"],
        times["bare"],
        copy_share_percent=100 * copy / float(np.median(times["encode"])),
        copy_GB_per_s=given.nbytes / copy / 1e9,
        copy_from_pinned_GB_per_s=given.nbytes / float(np.median(times["pinned"])) / 1e9,
    )
    yield Row.timed(
        f"encode {n:,}: latents, χ², KL",
        "Model.score, which xpmodel encode asks for; against the same floor",
        times["score"],
        times["bare"],
    )
    cpu = bench.times({"cpu": lambda: bench.cpu_model.encode(spectra)}, 5, warm=1)["cpu"]
    yield Row.timed(
        f"encode {n:,}: on the CPU",
        "Model.encode on the CPU's cores; against the GPU",
        cpu,
        times["encode"],
    )
    (mean, std), (cpu_mean, cpu_std) = (m.encode(spectra) for m in (model, bench.cpu_model))
    yield Row.agreement(
        f"encode {n:,}: agreement",
        "largest |GPU − CPU| of latents, over their σ over the stars, and of widths, as a fraction",
        max(largest_difference(mean, cpu_mean), float(np.abs(std / cpu_std - 1).max())),
        AGREEMENT,
    )
