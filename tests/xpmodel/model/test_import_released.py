"""From a checkpoint of the released code to a model folder, and what must not get in."""

import hashlib
import io
import json
import pickle
import zipfile

import numpy as np
import pytest
import torch

from tests.support.loops import some
from tests.support.networks import random_network
from xpmodel.errors import InputError
from xpmodel.model.folder import load_model
from xpmodel.model.import_released import import_model

LAYERS = (12, 8)


@pytest.fixture
def files(tmp_path):
    """A checkpoint and its normalization, of a small random network of 20 coefficients."""
    network = random_network(0, 20, 3, LAYERS)
    rng = np.random.default_rng(0)
    checkpoint = {
        "model_state_dict": network.state_dict(),
        "optimizer_state_dict": {"state": {}, "param_groups": []},
        "optimizer": "AdamW",
        "epoch": 17,
    }
    torch.save(checkpoint, tmp_path / "weight.pt")
    np.savez(tmp_path / "norm.npz", mu=rng.normal(size=20), sig=rng.uniform(0.5, 2, 20))
    return tmp_path


def change_weights(files, change) -> None:
    checkpoint = torch.load(files / "weight.pt", weights_only=True)
    change(checkpoint["model_state_dict"])
    torch.save(checkpoint, files / "weight.pt")


def change_norm(files, **arrays) -> None:
    with np.load(files / "norm.npz") as norm:
        np.savez(files / "norm.npz", **({k: norm[k] for k in ("mu", "sig")} | arrays))


def fails(files) -> str:
    with pytest.raises(InputError) as caught:
        import_model(files / "weight.pt", files / "norm.npz")
    return str(caught.value)


def sha256(path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_folder_gives_the_numbers_of_the_checkpoint(files):
    model = import_model(files / "weight.pt", files / "norm.npz")
    model.save(files / "model")
    loaded = load_model(files / "model", "cpu")
    wanted = torch.load(files / "weight.pt", weights_only=True)["model_state_dict"]
    found = loaded.network.state_dict()
    assert found.keys() == wanted.keys()
    for name, tensor in some(wanted.items()):
        assert torch.equal(found[name], tensor) and found[name].dtype == tensor.dtype
    with np.load(files / "norm.npz") as norm:
        np.testing.assert_array_equal(loaded.mu, norm["mu"])
        np.testing.assert_array_equal(loaded.sig, norm["sig"])
    assert loaded.hash == model.hash
    z = np.random.default_rng(1).normal(size=(5, 3))
    for a, b in zip(model.decode(z), loaded.decode(z), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_description_says_where_it_came_from(files):
    import_model(files / "weight.pt", files / "norm.npz").save(files / "model")
    description = json.loads((files / "model" / "model.json").read_text())
    assert description["input_dim"] == 20
    assert description["latent_dim"] == 3
    assert description["intermediate_layers"] == list(LAYERS)
    weights = {"name": "weight.pt", "sha256": sha256(files / "weight.pt"), "epoch": 17}
    norm = {"name": "norm.npz", "sha256": sha256(files / "norm.npz")}
    assert description["source"] == {"weights": weights, "norm": norm}
    assert description["estimated"] == []
    assert description["weights_sha256"] == sha256(files / "model" / "model.safetensors")
    with np.load(files / "norm.npz") as arrays:
        assert description["mu"] == arrays["mu"].tolist()
        assert description["sig"] == arrays["sig"].tolist()


def test_an_estimated_normalization_is_said_to_be_one(files):
    (files / "norm.npz").rename(files / "norm_ESTIMATE.npz")
    paths = files / "weight.pt", files / "norm_ESTIMATE.npz"
    assert import_model(*paths).estimated == ["mu", "sig"]
    assert import_model(*paths, estimated_norm=False).estimated == []
    (files / "norm_ESTIMATE.npz").rename(files / "norm.npz")
    model = import_model(files / "weight.pt", files / "norm.npz", estimated_norm=True)
    model.save(files / "model")
    assert load_model(files / "model").estimated == ["mu", "sig"]


def test_a_state_dict_by_itself(files):
    checkpoint = torch.load(files / "weight.pt", weights_only=True)
    expected = import_model(files / "weight.pt", files / "norm.npz").hash
    torch.save(checkpoint["model_state_dict"], files / "weight.pt")
    model = import_model(files / "weight.pt", files / "norm.npz")
    assert model.hash == expected
    assert "epoch" not in model.description["source"]["weights"]


def test_the_released_model(shared, tmp_path):
    published = shared / "published"
    model = import_model(published / "weight.pt", published / "norm_estimate.npz")
    config = json.loads((published / "config.json").read_text())
    assert (model.network.input_dim, model.n_latents) == (110, 6)
    assert model.network.intermediate_layers == (90, 70, 50, 30, 10)
    assert "90" in str(config)
    assert model.estimated == ["mu", "sig"]
    assert model.description["source"]["weights"]["epoch"] == 5000
    model.save(tmp_path)
    assert load_model(tmp_path).hash == model.hash


def drop(name):
    return lambda state: state.pop(name)


def put(name, tensor):
    return lambda state: state.update({name: tensor})


NAN_WEIGHT = torch.full((12, 20), 0.5)
NAN_WEIGHT[3, 4] = torch.nan


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop("scatter.0.bias"), "scatter.0.bias is missing"),
        (drop("encoder.0.0.weight"), "encoder.0.0.weight is missing"),
        (drop("encoder.1.0.weight"), "encoder.1.0.weight is missing"),
        (drop("encoder.1.1.num_batches_tracked"), "encoder.1.1.num_batches_tracked is missing"),
        (put("head.weight", torch.ones(2)), "head.weight is not a part of this network"),
        (put("encoder.9.0.weight", torch.ones(2, 2)), "encoder.9.0.weight is not a part"),
        (put("decoder.0.weight", torch.ones(8, 4)), r"decoder.0.weight has shape (8, 4), expected"),
        (put("mu.weight", torch.ones(3)), "mu.weight has shape (3,), expected a matrix"),
        (put("mu.bias", torch.ones(3).double()), "mu.bias is torch.float64, expected"),
        (put("mu.bias", torch.ones(3).int()), "mu.bias is torch.int32, expected torch.float32"),
        (put("mu.bias", "three"), "mu.bias has shape str"),
        (put("mu.bias", torch.tensor([1, torch.inf, 1])), "mu.bias holds values that are not"),
        (put("encoder.0.0.weight", NAN_WEIGHT), "encoder.0.0.weight holds values"),
    ],
)
def test_weights_that_do_not_fit(files, change, message):
    change_weights(files, change)
    text = fails(files)
    assert message in text and "weight.pt: " in text


def test_the_first_of_two_missing_keys_is_named(files):
    change_weights(files, lambda s: (s.pop("scatter.1.0.bias"), s.pop("decoder.1.0.bias")))
    assert "decoder.1.0.bias is missing" in fails(files)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"mu": np.zeros(19)}, "mu has shape (19,), expected (20,)"),
        ({"sig": np.ones((20, 1))}, "sig has shape (20, 1), expected (20,)"),
        ({"sig": np.where(np.arange(20) == 17, 0.0, 1.0)}, "sig[17] is"),
        ({"sig": np.where(np.arange(20) >= 16, -1.0, 1.0)}, "sig[16] is"),
        ({"mu": np.where(np.arange(20) == 2, np.nan, 0.0)}, "mu[2] is"),
        ({"sig": np.where(np.arange(20) == 5, np.inf, 1.0)}, "sig[5] is"),
        ({"mu": np.array(["a"] * 20)}, "mu is <U1, expected numbers"),
        ({"mu": np.array([None] * 20)}, "not a .npz file of numbers"),
    ],
)
def test_a_normalization_that_does_not_fit(files, arrays, message):
    change_norm(files, **arrays)
    text = fails(files)
    assert message in text and "norm.npz: " in text


def test_a_normalization_without_sig(files):
    np.savez(files / "norm.npz", mu=np.zeros(20), std=np.ones(20))
    assert "norm.npz: no sig; it has mu, std" in fails(files)


@pytest.mark.parametrize("content", [b"", b"mu,sig\n1,2\n", b"PK\x03\x04 cut short", b"\x93NUMPY"])
def test_a_normalization_that_is_no_npz(files, content):
    (files / "norm.npz").write_bytes(content)
    assert "norm.npz: not a .npz file of numbers" in fails(files)


def test_a_normalization_of_one_array(files):
    with open(files / "norm.npz", "wb") as file:
        np.save(file, np.zeros(20))
    assert "norm.npz: " in fails(files)


class Bomb:
    """Makes a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def torch_file(payload: bytes) -> bytes:
    """What `torch.save` writes, with another pickle in it."""
    saved, changed = io.BytesIO(), io.BytesIO()
    torch.save({"model_state_dict": {"mu.weight": torch.ones(2)}}, saved)
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(changed, "w") as new:
        for entry in old.infolist():
            data = payload if entry.filename.endswith("data.pkl") else old.read(entry)
            new.writestr(entry, data)
    return changed.getvalue()


@pytest.mark.parametrize("wrap", [bytes, torch_file])
def test_a_pickle_that_runs_code_is_not_run(files, wrap):
    victim = files / "pwned"
    payload = pickle.dumps({"model_state_dict": Bomb(victim)}, protocol=2)
    (files / "weight.pt").write_bytes(wrap(payload))
    text = fails(files)
    assert "weight.pt: not a PyTorch file of plain tensors" in text
    # PyTorch's own advice, how to load it all the same, is not for our users.
    assert "can still be loaded" not in text
    assert not victim.exists()


def test_a_pickle_in_the_normalization_is_not_run(files):
    victim = files / "pwned"
    with zipfile.ZipFile(files / "norm.npz", "w") as archive:
        for name in ("mu", "sig"):
            data = io.BytesIO()
            np.save(data, np.array([Bomb(victim)], object), allow_pickle=True)
            archive.writestr(f"{name}.npy", data.getvalue())
    assert "not a .npz file of numbers" in fails(files)
    pickled = files / "norm.npz"
    pickled.write_bytes(pickle.dumps({"mu": Bomb(victim), "sig": 1}))
    assert "norm.npz: " in fails(files)
    assert not victim.exists()


@pytest.mark.parametrize("content", [b"", b"these are no weights\n", b"\x80\x02", b"PK\x03\x04"])
def test_weights_that_are_no_pytorch_file(files, content):
    (files / "weight.pt").write_bytes(content)
    text = fails(files)
    assert "weight.pt: not a PyTorch file of plain tensors" in text
    assert "\n" not in text


@pytest.mark.parametrize("content", [torch.ones(3), [torch.ones(3)]])
def test_a_pytorch_file_of_something_else(files, content):
    torch.save(content, files / "weight.pt")
    assert "expected a state dict" in fails(files)


def test_a_model_state_dict_of_something_else(files):
    torch.save({"model_state_dict": [1, 2]}, files / "weight.pt")
    assert "model_state_dict is no state dict" in fails(files)


def test_files_that_are_not_there(files):
    with pytest.raises(InputError, match="none.pt: cannot be read"):
        import_model(files / "none.pt", files / "norm.npz")
    with pytest.raises(InputError, match="none.npz: cannot be read"):
        import_model(files / "weight.pt", files / "none.npz")
    with pytest.raises(InputError, match=str(files)):
        import_model(files, files / "norm.npz")


@pytest.fixture
def folder(files):
    import_model(files / "weight.pt", files / "norm.npz").save(files / "model")
    return files / "model"


def test_tampered_weights(folder):
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"not the weights that .* describes \(sha256 differs\)"):
        load_model(folder)


def test_missing_files_of_a_folder(folder):
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="model.safetensors: cannot be read"):
        load_model(folder)
    (folder / "model.json").unlink()
    with pytest.raises(InputError, match="model.json: cannot be read"):
        load_model(folder)
    with pytest.raises(InputError, match="cannot be read"):
        load_model(folder / "nowhere")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("", "not JSON"),
        ("[1, 2]", "not a xpmodel-model file"),
        ('{"format": "other"}', "not a xpmodel-model file"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_broken_description(folder, content, message):
    (folder / "model.json").write_text(content)
    with pytest.raises(InputError, match=message):
        load_model(folder)


MISSING = object()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("input_dim", MISSING),
        ("input_dim", None),
        ("input_dim", -1),
        ("input_dim", 10**30),
        ("input_dim", 10**12),
        ("latent_dim", 4),
        ("latent_dim", float("inf")),
        ("intermediate_layers", []),
        ("intermediate_layers", [12]),
        ("intermediate_layers", [12, 8, 3]),
        ("intermediate_layers", [10**9, 10**9]),
        ("intermediate_layers", 5),
        ("mu", MISSING),
        ("mu", [1.0] * 19),
        ("mu", ["a"] * 20),
        ("mu", {"0": 1}),
        ("sig", [0.0] * 20),
        ("sig", [float("nan")] * 20),
        ("weights_sha256", MISSING),
        ("weights_sha256", 5),
        ("estimated", 5),
        ("estimated", "mu"),
        ("estimated", None),
    ],
)
def test_a_description_changed_by_hand(folder, key, value):
    path = folder / "model.json"
    description = json.loads(path.read_text())
    if value is MISSING:
        del description[key]
    else:
        description[key] = value
    path.write_text(json.dumps(description))
    with pytest.raises(InputError, match="model.json: |model.safetensors: "):
        load_model(folder)


def test_saving_where_a_file_is(files):
    model = import_model(files / "weight.pt", files / "norm.npz")
    with pytest.raises(InputError, match="cannot be written"):
        model.save(files / "norm.npz")


def test_a_known_estimate_is_one_under_any_name(tmp_path, shared):
    norm = tmp_path / "apogee_norm.npz"
    norm.write_bytes((shared / "published/norm_estimate.npz").read_bytes())
    model = import_model(shared / "published/weight.pt", norm)
    assert model.estimated == ["mu", "sig"]
