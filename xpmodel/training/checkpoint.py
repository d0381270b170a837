"""Checkpoints: all that a training needs to go on as if it had never stopped."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from safetensors.torch import save as save_safetensors
from torch import Tensor

from xpmodel._atomic import replacing
from xpmodel._version import __version__
from xpmodel.errors import InputError
from xpmodel.model.folder import fit_state
from xpmodel.model.network import ScatterVAE
from xpmodel.training.config import TrainingConfig
from xpmodel.training.metrics import Epoch, columns, from_array, to_array
from xpmodel.training.steps import Steps

CHECKPOINT_FILE = "checkpoint.safetensors"
FORMAT = "xpmodel-training"
# Larger than any network of this kind, its moments and an entry for each of a million epochs.
SIZE_LIMIT = 2**30
# What AdamW remembers of a parameter.
MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def write_checkpoint(path: str | Path, steps: Steps, epochs: list[Epoch], data_sha256: str) -> None:
    """Write the state at an epoch's end; an earlier checkpoint is there until this one is whole.

    It holds the network, the optimizer's moments and the epochs' metrics as tensors, and as JSON
    among safetensors' metadata the configuration and what the data were. Learning rate, order of
    the stars and draws of z follow from the configuration and the number of the epoch, so no
    generator has a state to keep.
    """
    tensors = {f"network.{k}": v for k, v in steps.network.state_dict().items()}
    for name, parameter in steps.network.named_parameters():
        for moment, value in steps.optimizer.state.get(parameter, {}).items():
            tensors[f"{moment}.{name}"] = value
    table = to_array(epochs, steps.config.latents)
    tensors["metrics"] = torch.from_numpy(table)
    tensors = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    description = {
        "format": FORMAT,
        "version": 1,
        "recipe": dataclasses.asdict(steps.config),
        "data_sha256": data_sha256,
        "versions": {"xpmodel": __version__, "torch": torch.__version__},
    }
    with replacing(path) as part:
        part.write_bytes(save_safetensors(tensors, metadata={"xpmodel": json.dumps(description)}))


@dataclasses.dataclass(frozen=True, eq=False)
class Checkpoint:
    """A checkpoint as it was read; `restore` puts it into a training.

    Attributes
    ----------
    path : Path
    config : TrainingConfig
    data_sha256 : str
    epochs : list of Epoch
        Those that are done.
    tensors : dict of Tensor
    """

    path: Path
    config: TrainingConfig
    data_sha256: str
    epochs: list[Epoch]
    tensors: dict[str, Tensor]

    @classmethod
    def read(cls, path: str | Path) -> Checkpoint:
        """Read what `write_checkpoint` wrote.

        Raises
        ------
        InputError
            When it is not there, or not a whole checkpoint.
        """
        path = Path(path)
        try:
            if path.stat().st_size > SIZE_LIMIT:
                raise InputError(f"{path}: larger than any checkpoint")
            with safetensors.safe_open(path, framework="pt") as file:
                description = json.loads((file.metadata() or {}).get("xpmodel", "{}"))
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except OSError as error:
            raise InputError(
                f"{path}: no checkpoint to resume from ({error.strerror or error})"
            ) from None
        except (safetensors.SafetensorError, ValueError, RecursionError) as error:
            raise InputError(f"{path}: not a whole checkpoint ({error})") from None
        try:
            if description["format"] != FORMAT:
                raise ValueError("another format")
            config = TrainingConfig(**_with_tuple(description["recipe"]))
            table = tensors.pop("metrics").numpy()
            if table.dtype != np.float64 or table.shape[1:] != (len(columns(config.latents)),):
                raise ValueError("metrics of another shape")
            sha256 = str(description["data_sha256"])
            epochs = from_array(table)
        except (LookupError, AttributeError, TypeError, ValueError, OverflowError) as error:
            raise InputError(f"{path}: not a checkpoint of a training ({error})") from None
        return cls(path, config, sha256, epochs, tensors)

    def check_options(self, options: dict[str, Any]) -> None:
        """Refuse to go on with other options than those of the checkpoint."""
        for name, value in options.items():
            if value != (was := getattr(self.config, name)):
                said = name.replace("_", " ")
                raise InputError(
                    f"{self.path}: was made with {said} {was}, not {value}; resume with the same "
                    "options or none, or start anew in another folder"
                )

    def check_data(self, data_sha256: str) -> None:
        """Refuse to go on with other data than those of the checkpoint."""
        if self.data_sha256 != data_sha256:
            raise InputError(
                f"{self.path}: was made from other spectra (their sha256 differs); resume with the "
                "same ones, or start anew in another folder"
            )

    def restore(self, steps: Steps) -> None:
        """Give a training's network and optimizer the state that they had."""
        prefix = "network."
        state = {k.removeprefix(prefix): v for k, v in self.tensors.items() if k.startswith(prefix)}
        saved = type(steps.network)(*_sizes(steps.network))
        fit_state(saved, state, self.path)
        steps.network.load_state_dict(state)  # in place: the optimizer holds these parameters
        moments: dict[int, dict[str, Any]] = {}
        for i, (name, parameter) in enumerate(steps.network.named_parameters()):
            found = {m: self.tensors.get(f"{m}.{name}") for m in MOMENTS}
            if all(value is None for value in found.values()):
                continue  # of a run that has not taken a step
            for moment, value in found.items():
                shape = torch.Size() if moment == "step" else parameter.shape
                fits = value is not None and (value.shape, value.dtype) == (shape, torch.float32)
                if value is None or not fits or not torch.isfinite(value).all():
                    raise InputError(f"{self.path}: {moment}.{name} is missing or damaged")
            moments[i] = found
        options = steps.optimizer.state_dict()["param_groups"]
        steps.optimizer.load_state_dict({"state": moments, "param_groups": options})


def _sizes(network: ScatterVAE) -> tuple[int, int, tuple[int, ...], str]:
    return network.input_dim, network.latent_dim, network.intermediate_layers, network.variant


def _with_tuple(values: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
