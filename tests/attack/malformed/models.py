"""Model folders, checkpoints and normalizations that are wrong."""

from __future__ import annotations

import hashlib
import json
import shutil
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch

from tests.attack.malformed.material import Material, command, write_table
from tests.attack.verdict import EITHER, REFUSED, Attack
from xpmodel._folders import demo_model

Weights = dict[str, torch.Tensor]
ENCODE = ("encode", "stars.parquet", "--model", "model", "--out", "out.parquet")
IMPORT = ("import-model", "weights.pt", "--norm", "norm.npz", "--out", "model")


def attacks(material: Material) -> Iterator[Attack]:
    """Each wrong model to ``encode`` and ``inspect``, each wrong checkpoint to ``import-model``."""
    for name, change in (DESCRIPTIONS | WEIGHTS).items():
        prepare = _folder(material, change)
        yield Attack(
            f"encode --model: {name}", prepare, lambda: command(*ENCODE), REFUSED, names="model"
        )
        yield Attack(
            f"inspect: {name}", prepare, lambda: command("inspect", "model"), REFUSED, names="model"
        )
    for name, save in CHECKPOINTS.items():
        yield Attack(
            f"import-model: {name}",
            _checkpoint(save),
            lambda: command(*IMPORT),
            REFUSED,
            names="weights.pt",
        )
    for name, norm in NORMS.items():
        right = EITHER if name == "mu of 1e300" else REFUSED
        yield Attack(
            f"import-model --norm: {name}",
            _checkpoint(lambda path: torch.save(_released(), path), norm),
            lambda: command(*IMPORT),
            right,
            names="norm.npz",
        )


def _folder(material: Material, change: Callable[[Path], None]) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        write_table(folder / "stars.parquet", material.spectra)
        shutil.copytree(demo_model(), folder / "model")
        change(folder / "model")

    return prepare


def _description(**parts: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "model.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | parts))

    return change


def _bytes(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


def _weights(edit: Callable[[Weights], Weights]) -> Callable[[Path], None]:
    """Other weights, which the description names by their hash."""

    def change(folder: Path) -> None:
        path = folder / "model.safetensors"
        safetensors.torch.save_file(edit(safetensors.torch.load_file(path)), path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        _description(weights_sha256=digest)(folder)

    return change


def _raw_weights(content: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(content)
        _description(weights_sha256=hashlib.sha256(content).hexdigest())(folder)

    return change


def _one(weights: Weights, edit: Callable[[torch.Tensor], torch.Tensor]) -> Weights:
    name = next(name for name, tensor in weights.items() if tensor.ndim == 2)
    return weights | {name: edit(weights[name])}


def _quantized(tensor: torch.Tensor) -> torch.Tensor:
    with warnings.catch_warnings():  # that such tensors will go; files of them stay
        warnings.simplefilter("ignore")
        return torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8)


def _released() -> Weights:
    return safetensors.torch.load_file(demo_model() / "model.safetensors")


def _checkpoint(
    save: Callable[[Path], object], norm: Callable[[Path], object] | None = None
) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        save(folder / "weights.pt")
        (norm or _sound_norm)(folder / "norm.npz")

    return prepare


def _sound_norm(path: Path) -> None:
    np.savez(path, mu=np.zeros(110), sig=np.ones(110))


def _state(edit: Callable[[Weights], object]) -> Callable[[Path], None]:
    return lambda path: torch.save(edit(_released()), path)


def _npz(**arrays: Any) -> Callable[[Path], None]:
    return lambda path: np.savez(path, **arrays)


def _npz_of_header(shape: tuple[int, ...]) -> Callable[[Path], None]:
    """Arrays whose headers promise more numbers than follow."""

    def save(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as file:
            for name in ("mu", "sig"):
                with file.open(f"{name}.npy", "w") as member:
                    header = {"descr": "<f8", "fortran_order": False, "shape": shape}
                    np.lib.format.write_array_header_1_0(member, header)

    return save


HUGE = 10**12
DESCRIPTIONS: dict[str, Callable[[Path], None]] = {
    "no description": lambda folder: (folder / "model.json").unlink(),
    "description empty": _bytes("model.json", b""),
    "description no JSON": _bytes("model.json", b"{{{"),
    "description a list": _bytes("model.json", b"[1, 2]"),
    "description not UTF-8": _bytes("model.json", b"\xff\xfe{}"),
    "100,000 brackets": _bytes("model.json", b"[" * 100_000),
    "another format": _description(format="other"),
    "a later version": _description(version=99),
    "input of 10^12": _description(input_dim=HUGE),
    "latents of 10^12": _description(latent_dim=HUGE),
    "a layer of 10^12": _description(intermediate_layers=[HUGE]),
    "10,000 layers": _description(intermediate_layers=[8] * 10_000),
    "layers negative": _description(intermediate_layers=[-5]),
    "layers of words": _description(intermediate_layers=["wide"]),
    "layers a number": _description(intermediate_layers=7),
    "input a word": _description(input_dim="many"),
    "latents none": _description(latent_dim=0),
    "variant unknown": _description(variant="magic"),
    "mu too short": _description(mu=[0.0]),
    "mu of words": _description(mu=["a"] * 110),
    "mu of NaN": _description(mu=[float("nan")] * 110),
    "sig zero": _description(sig=[0.0] * 110),
    "sig negative": _description(sig=[-1.0] * 110),
    "sig nested": _description(sig=[[1.0] * 110]),
    "another hash": _description(weights_sha256="0" * 64),
}
WEIGHTS: dict[str, Callable[[Path], None]] = {
    "no weights": lambda folder: (folder / "model.safetensors").unlink(),
    "weights empty": _raw_weights(b""),
    "weights noise": _raw_weights(np.random.default_rng(0).bytes(5000)),
    "weights' header of 10^18 bytes": _raw_weights((10**18).to_bytes(8, "little")),
    "weights a pickle": _raw_weights(b"\x80\x04\x95" + bytes(100)),
    "weights of NaN": _weights(lambda w: _one(w, lambda t: torch.full_like(t, float("nan")))),
    "weights of another shape": _weights(lambda w: _one(w, lambda t: t[:1].contiguous())),
    "weights of float64": _weights(lambda w: _one(w, torch.Tensor.double)),
    "weights of integers": _weights(lambda w: _one(w, torch.Tensor.int)),
    "weights missing": _weights(lambda w: dict(list(w.items())[1:])),
    "weights too many": _weights(lambda w: w | {"more": torch.ones(3)}),
}
CHECKPOINTS: dict[str, Callable[[Path], object]] = {
    "nothing in it": lambda path: path.write_bytes(b""),
    "noise": lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)),
    "a pickle of code": lambda path: path.write_bytes(b"cos\nsystem\n(S'true'\ntR."),
    "a list": lambda path: torch.save([1, 2], path),
    "a tensor": lambda path: torch.save(torch.ones(3), path),
    "no tensors": lambda path: torch.save({"epoch": 3}, path),
    "cut": lambda path: (torch.save(_released(), path), path.write_bytes(path.read_bytes()[:999])),
    "quantized": _state(lambda w: _one(w, _quantized)),
    "sparse": _state(lambda w: _one(w, torch.Tensor.to_sparse)),
    "on the meta device": _state(lambda w: _one(w, lambda t: t.to("meta"))),
    "complex": _state(lambda w: _one(w, lambda t: t.to(torch.complex64))),
    "half": _state(lambda w: _one(w, torch.Tensor.half)),
    "expanded": _state(lambda w: _one(w, lambda t: torch.zeros(1).expand(10**6, 10**6))),
    "of NaN": _state(lambda w: _one(w, lambda t: t * float("nan"))),
    "of another shape": _state(lambda w: _one(w, lambda t: t[:, :3])),
    "three-dimensional": _state(lambda w: _one(w, lambda t: t[None])),
    "names of numbers": _state(lambda w: dict(enumerate(w.values()))),
}
NORMS: dict[str, Callable[[Path], object]] = {
    "nothing in it": lambda path: path.write_bytes(b""),
    "noise": lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)),
    "no sig": _npz(mu=np.zeros(110)),
    "too short": _npz(mu=np.zeros(3), sig=np.ones(3)),
    "of words": _npz(mu=np.full(110, "a"), sig=np.ones(110)),
    "of objects": _npz(mu=np.full(110, None), sig=np.ones(110)),
    "of NaN": _npz(mu=np.full(110, np.nan), sig=np.ones(110)),
    "sig zero": _npz(mu=np.zeros(110), sig=np.zeros(110)),
    "complex": _npz(mu=np.zeros(110) + 1j, sig=np.ones(110)),
    "mu of 1e300": _npz(mu=np.full(110, 1e300), sig=np.ones(110)),
    "header of 10^12 numbers": _npz_of_header((HUGE,)),
    "header of a negative shape": _npz_of_header((-5,)),
}
