"""A model's folder, read back: weights and description that belong together."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import safetensors
import torch
from safetensors.torch import load as load_safetensors
from torch import Tensor

from xpmodel._atomic import read_json
from xpmodel._folders import demo_model
from xpmodel.errors import InputError
from xpmodel.model.model import DESCRIPTION_FILE, FORMAT, WEIGHTS_FILE, Model
from xpmodel.model.network import VARIANTS, ScatterVAE
from xpmodel.model.normalization import check_normalization

# The released model has 0.9 MB; nothing near this size is a scatter VAE.
SIZE_LIMIT = 512 * 2**20
DEMO = "demo"
"""Names the model that comes with the project, where no folder is called so."""
# What numbers of the wrong kind or size make of a description that was changed by hand.
_BAD_DESCRIPTION = (LookupError, TypeError, ValueError, OverflowError, RuntimeError)


def load_model(folder: str | Path, device: str = "auto") -> Model:
    """Load a model folder (``model.safetensors`` and ``model.json``).

    Parameters
    ----------
    folder : path
        Or ``"demo"``: the model that comes with the project, trained on the mock sky.
    device : str
        ``auto`` (CUDA where there is one), ``cpu`` or ``cuda``.

    Raises
    ------
    InputError
        When a file is missing, foreign, or the two do not belong together.

    Examples
    --------
    >>> load_model("demo", device="cpu").n_latents
    6
    """
    folder = Path(folder)
    if folder == Path(DEMO) and not folder.exists():
        folder = demo_model()
    path = folder / DESCRIPTION_FILE
    description = read_json(path, FORMAT)
    weights_path = folder / WEIGHTS_FILE
    try:
        if weights_path.stat().st_size > SIZE_LIMIT:
            raise InputError(f"{weights_path}: larger than any model ({SIZE_LIMIT >> 20} MB)")
        weights = weights_path.read_bytes()
    except OSError as error:
        raise InputError(f"{weights_path}: cannot be read ({error.strerror})") from None
    if hashlib.sha256(weights).hexdigest() != description.get("weights_sha256"):
        raise InputError(f"{weights_path}: not the weights that {path} describes (sha256 differs)")
    try:
        state = load_safetensors(weights)
        # Without memory, so that absurd sizes are refused by the weights rather than allocated.
        with torch.device("meta"):
            network = ScatterVAE(
                description["input_dim"],
                description["latent_dim"],
                description["intermediate_layers"],
                description.get("variant", VARIANTS[0]),
            )
        mu, sig = (np.array(description[k], dtype=np.float64) for k in ("mu", "sig"))
        if not isinstance(description.get("estimated", []), list):
            raise TypeError("'estimated' is not a list")
    except (*_BAD_DESCRIPTION, safetensors.SafetensorError) as error:
        cause = " ".join(str(error).split())[:160]
        raise InputError(f"{path}: not a complete model description ({cause})") from None
    fit_state(network, state, weights_path)
    mu, sig = check_normalization(mu, sig, network.input_dim, path)
    return Model(network, mu, sig, description, device)


def fit_state(network: ScatterVAE, state: dict[str, Tensor], source: str | Path) -> None:
    """Load a state dict strictly; the error names the first key or shape that does not fit.

    What is loaded is a copy: each tensor has memory of its own.
    """
    wanted = network.state_dict()
    own = {}
    for name, tensor in wanted.items():
        if name not in state:
            raise InputError(f"{source}: {name} is missing")
        found = plain_tensor(state[name], name, source)
        if found.shape != tensor.shape:
            shape = tuple(found.shape)
            raise InputError(f"{source}: {name} has shape {shape}, expected {tuple(tensor.shape)}")
        if found.dtype != tensor.dtype:
            raise InputError(f"{source}: {name} is {found.dtype}, expected {tensor.dtype}")
        if not torch.isfinite(found).all():
            raise InputError(f"{source}: {name} holds values that are not finite")
        if name.endswith("running_var") and (found < 0).any():
            raise InputError(f"{source}: {name} holds variances below 0")
        own[name] = found.detach().resolve_neg().clone(memory_format=torch.contiguous_format)
    for name in state:
        if name not in wanted:
            raise InputError(f"{source}: {name} is not a part of this network")
    network.load_state_dict(own, strict=True, assign=True)


def plain_tensor(found: object, name: str, source: str | Path) -> Tensor:
    """What a state dict has under a name, if that is a tensor whose numbers lie in memory.

    Raises
    ------
    InputError
        When it is something else, sparse, quantized, nested, or without numbers.
    """
    if not isinstance(found, Tensor):
        raise InputError(f"{source}: {name} has shape {type(found).__name__}, expected a tensor")
    kinds = {
        "nested": found.is_nested,
        "quantized": found.is_quantized,
        "sparse": found.layout is not torch.strided,
        "without numbers (on the device meta)": found.is_meta,
    }
    for kind, is_of_kind in kinds.items():
        if is_of_kind:
            raise InputError(f"{source}: {name} is {kind}, expected a plain tensor; save it as one")
    return found
