"""Turn a PyTorch checkpoint of the released code into a model folder."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from xpmodel._atomic import sha256_file
from xpmodel._process_wide import ignored_warnings
from xpmodel._version import __version__
from xpmodel.errors import InputError
from xpmodel.model.folder import SIZE_LIMIT, fit_state, plain_tensor
from xpmodel.model.model import Model
from xpmodel.model.network import ScatterVAE
from xpmodel.model.normalization import check_normalization
from xpmodel.tables.numpy_files import read_arrays

ZIP = b"PK\x03\x04"  # how a zip file begins
# Normalizations known to be fitted afterwards, whatever their files are called (sha256).
KNOWN_ESTIMATES = {"0e17181602ceaaf3be8d2d62e2d4547716b7f526a57809a3e6db784ac66e45cd"}


def import_model(
    weights: str | Path, norm: str | Path, *, estimated_norm: bool | None = None
) -> Model:
    """Read a checkpoint and its normalization.

    Parameters
    ----------
    weights : path
        PyTorch file (``weight.pt``): a checkpoint with ``model_state_dict``, or the state
        dict itself. Opened with ``weights_only=True``.
    norm : path
        ``apogee_norm.npz`` with `mu` and `sig`, one entry a coefficient.
    estimated_norm : bool, optional
        Whether the normalization is an estimate rather than the one that the network was
        trained with. Default: whether it is a known estimate, or its name says so.

    Returns
    -------
    Model
        On the CPU; `Model.save` writes the folder.

    Raises
    ------
    InputError
        Names the first key or shape of the weights, or the first entry of the
        normalization, that does not fit.
    """
    weights, norm = Path(weights), Path(norm)
    checkpoint = _read_checkpoint(weights)
    state = checkpoint.get("model_state_dict", checkpoint)
    if not isinstance(state, dict):
        raise InputError(f"{weights}: model_state_dict is no state dict")
    try:
        # Without memory: all that a tensor takes of a file may be one number, again and again.
        with torch.device("meta"):
            network = ScatterVAE(*_layer_sizes(state, weights))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{weights}: {error}") from None
    fit_state(network, state, weights)
    _check_size(norm)
    arrays = read_arrays(norm, ("mu", "sig"))
    mu, sig = check_normalization(arrays["mu"], arrays["sig"], network.input_dim, norm)
    if estimated_norm is None:
        known = sha256_file(norm) in KNOWN_ESTIMATES
        estimated_norm = known or "estimate" in norm.name.lower()
    description: dict[str, Any] = {
        "made_by": f"xpmodel {__version__} import-model",
        "source": {
            "weights": {"name": weights.name, "sha256": sha256_file(weights)},
            "norm": {"name": norm.name, "sha256": sha256_file(norm)},
        },
        "estimated": ["mu", "sig"] if estimated_norm else [],
    }
    if isinstance(epoch := checkpoint.get("epoch"), int):
        description["source"]["weights"]["epoch"] = epoch
    return Model(network, mu, sig, description, device="cpu")


def _read_checkpoint(path: Path) -> dict[str, Any]:
    _check_size(path)
    try:
        unpacked = _unpacked_size(path)
        if unpacked > SIZE_LIMIT:
            raise InputError(f"{path}: {unpacked >> 20} MB unpacked, larger than any model")
        with ignored_warnings():  # of kinds of tensors that are refused afterwards
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except pickle.UnpicklingError:
        # PyTorch's own message tells how to load the file all the same, running what is in it.
        raise InputError(
            f"{path}: not a PyTorch file of plain tensors (other objects, which could run code, "
            "are not loaded); save the state dict alone"
        ) from None
    except Exception as error:  # noqa: BLE001  a foreign file fails in whatever way it likes
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "unreadable"
        raise InputError(f"{path}: not a PyTorch file of plain tensors ({reason[:160]})") from None
    if not isinstance(checkpoint, dict):
        raise InputError(f"{path}: holds a {type(checkpoint).__name__}, expected a state dict")
    return checkpoint


def _unpacked_size(path: Path) -> int:
    """Bytes in the zip file that PyTorch writes; 0 of its older files, which are not packed."""
    with open(path, "rb") as file:
        if file.read(len(ZIP)) != ZIP:
            return 0
        with zipfile.ZipFile(file) as members:
            return sum(member.file_size for member in members.infolist())


def _check_size(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if size > SIZE_LIMIT:
        raise InputError(f"{path}: {size >> 20} MB, larger than any model ({SIZE_LIMIT >> 20} MB)")


def _layer_sizes(state: dict[str, Any], path: Path) -> tuple[int, int, list[int]]:
    """Input size, latent count and hidden sizes, as the encoder's weights have them."""

    def shape(name: str) -> torch.Size:
        if name not in state:
            raise InputError(f"{path}: {name} is missing")
        tensor = plain_tensor(state[name], name, path)
        if tensor.ndim != 2:
            raise InputError(f"{path}: {name} has shape {tuple(tensor.shape)}, expected a matrix")
        return tensor.shape

    hidden = [shape("encoder.0.0.weight")[0]]
    blocks = {str(name).split(".")[1] for name in state if str(name).startswith("encoder.")}
    while str(len(hidden)) in blocks:
        hidden.append(shape(f"encoder.{len(hidden)}.0.weight")[0])
    return shape("encoder.0.0.weight")[1], shape("mu.weight")[0], hidden
