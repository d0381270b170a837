"""Networks in which every parameter matters, and their forward pass written out in numpy."""

from __future__ import annotations

import math

import numpy as np
import torch

from xpmodel.model.network import ScatterVAE


def random_network(seed: int = 0, *sizes) -> ScatterVAE:
    """A network in which every parameter matters, batch normalization included."""
    generator = torch.Generator().manual_seed(seed)
    network = ScatterVAE(*sizes).eval()
    for name, tensor in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        noise = torch.randn(tensor.shape, generator=generator)
        if name.endswith("running_var"):
            tensor.copy_(0.5 + noise.abs())
        elif tensor.ndim == 2:
            tensor.copy_(noise / tensor.shape[1] ** 0.5)
        else:
            tensor.copy_(0.3 * noise + name.endswith(".1.weight"))
    return network


def numpy_pass(network: ScatterVAE, values: np.ndarray, *layers: str) -> np.ndarray:
    """The layers named, in float64, from the numbers of the state dict alone."""
    state = {k: v.double().numpy() for k, v in network.state_dict().items()}
    erf = np.vectorize(math.erf)

    def linear(x, name):
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    def block(x, name):
        x = linear(x, f"{name}.0")
        norm = f"{name}.1"
        x = (x - state[f"{norm}.running_mean"]) / np.sqrt(state[f"{norm}.running_var"] + 1e-5)
        x = x * state[f"{norm}.weight"] + state[f"{norm}.bias"]
        return 0.5 * x * (1 + erf(x / math.sqrt(2)))

    x = np.asarray(values, np.float64)
    for layer in layers:
        x = (block if f"{layer}.1.running_var" in state else linear)(x, layer)
    return x


def numpy_encode(network: ScatterVAE, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    h = numpy_pass(network, x, *(f"encoder.{i}" for i in range(len(network.intermediate_layers))))
    return numpy_pass(network, h, "mu"), numpy_pass(network, h, "log_var")


def numpy_decode(network: ScatterVAE, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n = len(network.intermediate_layers)
    steps = ["0", *(str(i) for i in range(1, n)), f"{n}.0"]
    x, s = (numpy_pass(network, z, *(f"{b}.{i}" for i in steps)) for b in ("decoder", "scatter"))
    return x, 1 / (1 + np.exp(-s))
