"""Checkpoints of tensors that are no plain numbers, and sizes that no network has."""

import io
import json
import pickle
import resource
import warnings
import zipfile

import numpy as np
import pytest
import safetensors.torch
import torch

from tests.support.commands import run
from tests.support.models import random_model
from tests.support.training import SMALL, some_spectra
from xpmodel import InputError, load_model
from xpmodel.model import import_released
from xpmodel.model.network import ScatterVAE, check_sizes
from xpmodel.training.checkpoint import Checkpoint
from xpmodel.training.train import Store, train

WEIGHT = "encoder.0.0.weight"
ODD_TENSORS = {
    "complex": (lambda t: t.to(torch.complex64), "is torch.complex64, expected torch.float32"),
    "double": (torch.Tensor.double, "is torch.float64, expected torch.float32"),
    "half": (torch.Tensor.half, "is torch.float16, expected torch.float32"),
    "whole": (torch.Tensor.long, "is torch.int64, expected torch.float32"),
    "sparse": (torch.Tensor.to_sparse, "is sparse, expected a plain tensor"),
    "sparse by rows": (torch.Tensor.to_sparse_csr, "is sparse, expected a plain tensor"),
    "quantized": (
        lambda t: torch.quantize_per_tensor(t, 0.1, 0, torch.qint8),
        "is quantized, expected a plain tensor",
    ),
    "without numbers": (lambda t: t.to("meta"), "is without numbers (on the device meta)"),
    "nested": (lambda t: torch.nested.nested_tensor([t, t[:3]]), "is nested, expected a plain"),
    "NaN": (lambda t: t * np.nan, "holds values that are not finite"),
    "infinite": (lambda t: t / 0, "holds values that are not finite"),
    "of one dimension": (torch.Tensor.flatten, "expected a matrix"),
    "without rows": (lambda t: t[:0], "a layer of size 0: must be a whole number above 0"),
    "of 10⁹ rows that are one": (
        lambda t: torch.zeros(1).expand(10**9, 110),
        "weights: more than 134,217,728",
    ),
    "of 10¹⁸ numbers that are one": (
        lambda t: torch.zeros(1, 1).expand(10**9, 10**9),
        "weights: more than 134,217,728",
    ),
    "a list": (torch.Tensor.tolist, "has shape list, expected a tensor"),
    "nothing": (lambda t: None, "has shape NoneType, expected a tensor"),
}


@pytest.fixture
def state():
    return dict(random_model().network.state_dict())


@pytest.fixture
def norm(tmp_path):
    np.savez(tmp_path / "norm.npz", mu=np.zeros(110), sig=np.ones(110))
    return tmp_path / "norm.npz"


@pytest.fixture
def little_memory():
    """What a file asks for beyond this is an error, and not taken."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + 2**31, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def refused(path, norm, out) -> str:
    """The one line of an import that fails, which writes nothing."""
    result = run("import-model", path, "--norm", norm, "--out", out, status=2)
    assert result.stderr.startswith(f"xpmodel: {path}: ") and result.stderr.count("\n") == 1
    assert not out.exists()
    return result.stderr


def save(state, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns of quantized tensors and of sparse rows
        torch.save(state, path)
    return path


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("kind", ODD_TENSORS)
def test_tensors_that_are_no_plain_numbers_are_refused(state, norm, tmp_path, kind):
    change, message = ODD_TENSORS[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        state[WEIGHT] = change(state[WEIGHT])
    assert message in refused(save(state, tmp_path / "w.pt"), norm, tmp_path / "model")


def test_a_variance_below_0_is_refused(state, norm, tmp_path):
    state["encoder.0.1.running_var"] = -state["encoder.0.1.running_var"]
    line = refused(save(state, tmp_path / "w.pt"), norm, tmp_path / "model")
    assert "encoder.0.1.running_var holds variances below 0" in line


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.T.contiguous().T,
        torch.nn.Parameter,
        lambda t: torch.complex(t, -t).conj().imag,
        lambda t: torch.zeros(1).expand(t.shape),
    ],
    ids=["transposed", "parameter", "negated", "expanded"],
)
def test_tensors_that_only_look_odd_are_taken(state, norm, tmp_path, change):
    """Their numbers are those of any other, and the model has them in memory of its own."""
    state[WEIGHT] = change(state[WEIGHT])
    path = save(state, tmp_path / "w.pt")
    run("import-model", path, "--norm", norm, "--out", tmp_path / "model")
    taken = load_model(tmp_path / "model", "cpu").network.encoder[0][0].weight
    torch.testing.assert_close(taken.detach(), state[WEIGHT].detach().resolve_neg())


def test_layers_without_end_are_refused(state, norm, tmp_path):
    state |= {f"encoder.{i}.0.weight": torch.zeros(1).expand(3, 3) for i in range(5000)}
    line = refused(save(state, tmp_path / "w.pt"), norm, tmp_path / "model")
    assert "5000 hidden layers: must be 1 to 100" in line


def test_a_file_that_unpacks_to_more_than_a_model_is_refused(state, norm, tmp_path, monkeypatch):
    monkeypatch.setattr(import_released, "SIZE_LIMIT", 2**20)
    packed = io.BytesIO()
    torch.save(state, packed)
    path = tmp_path / "w.pt"
    with zipfile.ZipFile(packed) as file, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name in file.namelist():
            out.writestr(name, file.read(name) + bytes(2**20 if name.endswith("data/0") else 0))
    assert path.stat().st_size < 2**20
    assert "1 MB unpacked, larger than any model" in refused(path, norm, tmp_path / "model")


class Runs:
    """Makes a file where a pickle is loaded with trust."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("way", ["pickle", "torch"])
def test_code_in_a_file_does_not_run(norm, tmp_path, way):
    path, seen = tmp_path / "w.pt", tmp_path / "seen"
    if way == "torch":
        torch.save({"model_state_dict": Runs(seen)}, path)
    else:
        path.write_bytes(pickle.dumps({"model_state_dict": Runs(seen)}))
    assert "could run code, are not loaded" in refused(path, norm, tmp_path / "model")
    assert not seen.exists()


@pytest.mark.parametrize("seed", range(12))
def test_damaged_files_are_refused(state, norm, tmp_path, seed):
    """Bytes changed anywhere, or the end missing: an error, or tensors that are as good."""
    path = save(state, tmp_path / "w.pt")
    rng, content = np.random.default_rng(seed), bytearray(path.read_bytes())
    for place in rng.integers(0, len(content), 200):
        content[place] = rng.integers(256)
    path.write_bytes(content if seed % 3 else content[: rng.integers(len(content))])
    refused(path, norm, tmp_path / "model")


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize(
    "changes",
    [
        {"intermediate_layers": [10**9, 10**9]},
        {"intermediate_layers": [10] * 10**5},
        {"intermediate_layers": []},
        {"intermediate_layers": "90"},
        {"intermediate_layers": [90.5]},
        {"intermediate_layers": [-5]},
        {"intermediate_layers": [True]},
        {"intermediate_layers": {"90": 1}},
        {"input_dim": 10**30},
        {"input_dim": "110"},
        {"latent_dim": 10**12},
        {"latent_dim": 0},
        {"latent_dim": None},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_sizes_in_a_description_are_refused_before_memory_is_taken(tmp_path, changes):
    random_model().save(tmp_path)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(InputError, match="model.json: not a complete model description"):
        load_model(tmp_path)


def test_sizes_of_a_network():
    check_sizes(110, 6, (90, 70, 50, 30, 10))
    with pytest.raises(ValueError, match="weights: more than"):
        ScatterVAE(110, 6, (100_000, 100_000))
    line = run("train", "none.h5", "--out", "none", "--latents", 10**9, status=2).stderr
    assert "weights: more than 134,217,728" in line


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(
    "spoil",
    [
        lambda tensors, said: tensors.update(metrics=torch.full((1, 9), np.nan).double()),
        lambda tensors, said: tensors.update(metrics=torch.zeros(1, 9)),
        lambda tensors, said: tensors.pop("metrics"),
        lambda tensors, said: said.update(recipe=3),
        lambda tensors, said: said.update(recipe=[1]),
        lambda tensors, said: said["recipe"].update(latents=10**9),
        lambda tensors, said: said["recipe"].update(latents=2.5),
        lambda tensors, said: said["recipe"].update(epochs="5"),
        lambda tensors, said: said["recipe"].update(layers=[[1]]),
        lambda tensors, said: said["recipe"].update(unknown=1),
        lambda tensors, said: said.update(format=[]),
    ],
)
def test_a_checkpoint_of_odd_parts_is_refused(tmp_path, spoil):
    train(some_spectra(), SMALL, device="cpu", store=Store(tmp_path))
    path = tmp_path / "checkpoint.safetensors"
    tensors = safetensors.torch.load_file(path)
    with safetensors.safe_open(path, framework="pt") as file:
        said = json.loads(file.metadata()["xpmodel"])
    spoil(tensors, said)
    safetensors.torch.save_file(tensors, path, metadata={"xpmodel": json.dumps(said)})
    with pytest.raises(InputError, match="safetensors: not a checkpoint of a training"):
        Checkpoint.read(path)
