"""Where a network computes: on the CPU or a GPU."""

from __future__ import annotations

import torch

from xpmodel.errors import InputError


def find_device(name: str) -> torch.device:
    """The torch device for ``auto``, ``cpu`` or ``cuda``."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise InputError(f"device {name!r} is unknown: use auto, cpu or cuda")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError("device cuda: PyTorch finds no CUDA device here; use cpu or auto")
    return device
