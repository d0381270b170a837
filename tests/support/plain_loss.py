"""The loss written anew, plainly, from the published description."""

from __future__ import annotations

import math

import torch

N_BLOCKS = 5


def plain_forward(p, x, eps, running):
    """Encoder, draw, decoder and scatter; `running` gets the batch norms' new statistics."""

    def linear(x, name):
        return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]

    def block(x, name):
        x = linear(x, f"{name}.0")
        mean, variance = x.mean(0), ((x - x.mean(0)) ** 2).mean(0)
        n = len(x)
        for part, value in (("mean", mean), ("var", variance * n / (n - 1))):
            key = f"{name}.1.running_{part}"
            running[key] = 0.9 * running[key] + 0.1 * value.detach()
        x = (x - mean) / torch.sqrt(variance + 1e-5) * p[f"{name}.1.weight"] + p[f"{name}.1.bias"]
        return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))

    h = x
    for i in range(N_BLOCKS):
        h = block(h, f"encoder.{i}")
    mean, log_var = linear(h, "mu"), linear(h, "log_var")
    z = mean + eps * log_var.exp() ** 0.5
    outputs = []
    for part in ("decoder", "scatter"):
        h = linear(z, f"{part}.0")
        for i in range(1, N_BLOCKS):
            h = block(h, f"{part}.{i}")
        outputs.append(linear(h, f"{part}.{N_BLOCKS}.0"))
    return outputs[0], 1 / (1 + torch.exp(-outputs[1])), mean, log_var


def plain_loss(p, x, variance, eps, running):
    """Reconstruction and KL."""
    x_hat, s, mean, log_var = plain_forward(p, x, eps, running)
    total = variance + s**2
    reconstruction = (0.5 * ((x - x_hat) ** 2 / total + total.log())).sum(1).mean()
    return reconstruction, (0.5 * (mean**2 + log_var.exp() - 1 - log_var)).sum(1).mean()
