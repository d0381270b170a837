"""The decoder and its gradient at one point z, in NumPy without the overhead of PyTorch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import erf, expit
from torch import nn


@dataclass(frozen=True)
class _Layer:
    """y = f(x @ weight + bias)."""

    weight: np.ndarray
    bias: np.ndarray
    function: type[nn.Module] | None


class PointNetwork:
    """A trained decoder as a few small products, its batch normalizations folded into them.

    For one point PyTorch spends 10 times as long on its bookkeeping as on the numbers, and more
    when they were last asked for a while ago, as a slider does. It shares out a gradient, too
    little to share, among threads that wait for each other where a core is busy; how many they
    are is a setting of the whole process, which one visit of many must not change.

    Parameters
    ----------
    network : nn.Sequential
        Of linear layers, batch normalizations, GELU and sigmoid, as in
        `xpmodel.model.network.ScatterVAE`.
    """

    def __init__(self, network: nn.Sequential) -> None:
        self._layers: list[_Layer] = []
        for part in network:
            modules = list(part) if isinstance(part, nn.Sequential) else [part]
            self._layers.append(_folded(modules))

    def __call__(self, z: np.ndarray) -> np.ndarray:  # (K,) -> (110,) float64
        """What the network makes of a point."""
        x = z
        for layer in self._layers:
            x = x @ layer.weight + layer.bias
            if layer.function is nn.GELU:
                x = x * _normal_cdf(x)
            elif layer.function is nn.Sigmoid:
                x = expit(x)
        return x

    def gradient(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (K,) -> (110,), (K, 110)
        """What the network makes of a point, and how that changes with each latent.

        By differentiation in forward mode: there are fewer latents than coefficients.
        """
        x, slopes = z, np.eye(len(z))
        for layer in self._layers:
            x, slopes = x @ layer.weight + layer.bias, slopes @ layer.weight
            if layer.function is nn.GELU:
                cdf = _normal_cdf(x)
                slopes = slopes * (cdf + x * np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi))
                x = x * cdf
            elif layer.function is nn.Sigmoid:
                x = expit(x)
                slopes = slopes * x * (1.0 - x)
        return x, slopes


def _normal_cdf(x: np.ndarray) -> np.ndarray:
    """Of the standard normal distribution: GELU(x) is x times this."""
    return 0.5 * (1.0 + erf(x * 0.5**0.5))


def _folded(modules: list[nn.Module]) -> _Layer:
    """A linear layer, its batch normalization if it has one, and the function behind them."""
    linear, *rest = modules
    assert isinstance(linear, nn.Linear)
    weight, bias = (p.detach().double().cpu().numpy() for p in (linear.weight, linear.bias))
    function = None
    for module in rest:
        if isinstance(module, nn.BatchNorm1d):
            running = module.running_mean, module.running_var
            gain, shift, mean, variance = (
                p.detach().double().cpu().numpy()
                for p in (module.weight, module.bias, *running)
                if p is not None  # they are there, as ScatterVAE makes it
            )
            gain = gain / np.sqrt(variance + module.eps)
            weight, bias = weight * gain[:, None], (bias - mean) * gain + shift
        else:
            function = type(module)
    return _Layer(np.ascontiguousarray(weight.T), bias, function)
