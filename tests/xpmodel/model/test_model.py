"""A model's numbers against numpy, by hand, and whatever kind of array they come in."""

import numpy as np
import pytest
import torch

from tests.support.models import K, random_model, random_spectra
from tests.support.networks import numpy_decode, numpy_encode, random_network
from xpmodel._folders import demo_model
from xpmodel.errors import InputError
from xpmodel.model import model as module
from xpmodel.model.device import find_device
from xpmodel.model.folder import load_model
from xpmodel.model.model import Model
from xpmodel.model.network import ScatterVAE
from xpmodel.spectra.spectra import Spectra


@pytest.fixture(scope="module")
def model() -> Model:
    return random_model()


def test_encoding_equals_numpy(model):
    spectra = random_spectra(model)
    x = (spectra.coefficients / spectra.g_flux[:, None] - model.mu) / model.sig
    wanted_mean, log_var = numpy_encode(model.network, x)
    mean, std = model.encode(spectra)
    assert mean.dtype == std.dtype == np.float32
    assert mean.shape == std.shape == (50, K)
    np.testing.assert_allclose(mean, wanted_mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(std, np.exp(log_var / 2), rtol=1e-4, atol=1e-6)


def test_scores_equal_numpy(model):
    spectra = random_spectra(model)
    x = (spectra.coefficients / spectra.g_flux[:, None] - model.mu) / model.sig
    variance = (spectra.errors / spectra.g_flux[:, None] / model.sig) ** 2
    mean, log_var = numpy_encode(model.network, x)
    x_hat, scatter = numpy_decode(model.network, mean)
    encoded = model.score(spectra)
    chi2 = ((x - x_hat) ** 2 / (variance + scatter**2)).mean(1)
    chi2_obs = ((x - x_hat) ** 2 / variance).mean(1)
    kl = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var).sum(1)
    for name, wanted in (("chi2", chi2), ("chi2_obs", chi2_obs), ("kl", kl)):
        found = getattr(encoded, name)
        assert found.dtype == np.float32 and found.shape == (50,)
        np.testing.assert_allclose(found, wanted, rtol=1e-4)
    for found, wanted in zip((encoded.mean, encoded.std), model.encode(spectra), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_decoding_equals_numpy(model):
    z = np.random.default_rng(2).normal(size=(30, K))
    x_hat, s_hat = numpy_decode(model.network, z)
    coefficients, scatter = model.decode(z)
    assert coefficients.dtype == scatter.dtype == np.float32
    error = np.abs(coefficients - (model.mu + model.sig * x_hat)) / model.sig
    # mu is up to a thousand times sig, and float32 has seven digits of it.
    assert error.max() < 1e-3
    np.testing.assert_allclose(scatter, model.sig * s_hat, rtol=1e-4)


def test_scores_by_hand():
    """One latent, two coefficients, and a decoder that always answers 0 ± ½."""
    network = ScatterVAE(2, 1, (2,)).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.mu.bias.fill_(2)
        network.log_var.bias.fill_(np.log(0.25))
    model = Model(network, [1.0, 0.0], [2.0, 0.5], device="cpu")
    spectra = Spectra(
        source_id=np.array([1]),
        coefficients=np.array([[70.0, 10]]),
        errors=np.array([[10.0, 10]]),
        g_flux=np.array([10.0]),
        g_flux_source="file",
    )
    # x = ((7 − 1)/2, 1/0.5) = (3, 2); σ = (1/2, 1/0.5) = (0.5, 2); x̂ = 0, ŝ = sigmoid(0) = ½.
    encoded = model.score(spectra)
    assert encoded.chi2_obs == pytest.approx([(9 / 0.25 + 4 / 4) / 2])
    assert encoded.chi2 == pytest.approx([(9 / (0.25 + 0.25) + 4 / (4 + 0.25)) / 2])
    assert encoded.kl == pytest.approx([(4 + 0.25 - 1 - np.log(0.25)) / 2])
    assert (encoded.mean, encoded.std) == (2, 0.5)
    coefficients, scatter = model.decode([0.7])
    np.testing.assert_array_equal(coefficients, [1, 0])
    np.testing.assert_array_equal(scatter, [1, 0.25])


def test_float32_and_float64_spectra_agree(model):
    double, single = (random_spectra(model, dtype=dtype) for dtype in (np.float64, np.float32))
    assert single.coefficients.dtype == np.float32
    a, b = model.score(double), model.score(single)
    np.testing.assert_allclose(b.mean, a.mean, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(b.std, a.std, rtol=1e-3)
    np.testing.assert_allclose(b.chi2, a.chi2, rtol=1e-3)


def test_encoding_leaves_the_spectra_alone(model):
    spectra = random_spectra(model)
    before = spectra.coefficients.copy(), spectra.errors.copy(), spectra.g_flux.copy()
    model.score(spectra)
    after = spectra.coefficients, spectra.errors, spectra.g_flux
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


def test_arrays_that_may_not_be_written(model):
    """As pandas 3 and catalogs hand them out; PyTorch warns of them, and warnings are errors."""
    spectra = random_spectra(model)
    wanted = model.score(spectra)
    z = np.random.default_rng(2).normal(size=(30, K))
    for array in (spectra.coefficients, spectra.errors, spectra.g_flux, z):
        array.setflags(write=False)
    np.testing.assert_array_equal(model.score(spectra).chi2, wanted.chi2)
    assert model.decode(z)[0].shape == (30, 110)


@pytest.mark.parametrize("batch", [1, 7, 50, 1000])
def test_the_batch_size_does_not_matter(model, batch):
    spectra = random_spectra(model)
    wanted, found = model.score(spectra), model.score(spectra, batch=batch)
    for name in ("mean", "std", "chi2", "chi2_obs", "kl"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(wanted, name), rtol=1e-4, atol=1e-5
        )
    for a, b in zip(model.encode(spectra, batch=batch), model.encode(spectra), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_decoding_in_several_batches(model, monkeypatch):
    z = np.random.default_rng(3).normal(size=(50, K))
    wanted = model.decode(z)
    monkeypatch.setattr(module, "BATCH_CUDA", 16)
    for a, b in zip(model.decode(z), wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_no_stars(model):
    spectra = random_spectra(model, 0)
    encoded = model.score(spectra)
    assert encoded.mean.shape == encoded.std.shape == (0, K)
    assert encoded.chi2.shape == encoded.kl.shape == (0,)
    assert model.decode(np.empty((0, K)))[0].shape == (0, 110)


@pytest.mark.parametrize("shape", [(), (1,), (7,), (4, 5), (2, 0, 3)])
def test_the_shape_of_z_is_kept(model, shape):
    z = np.random.default_rng(4).normal(size=(*shape, K))
    parts = model.decode(z)
    flat = model.decode(z.reshape(-1, K))
    for part, wanted in zip(parts, flat, strict=True):
        assert isinstance(part, np.ndarray) and part.shape == (*shape, 110)
        np.testing.assert_array_equal(part.reshape(-1, 110), wanted)


@pytest.mark.parametrize("shape", [(), (K + 1,), (K, 2), (5, 110), (0,)])
def test_a_z_of_the_wrong_shape(model, shape):
    with pytest.raises(InputError, match="its last axis must hold the model's 3 latents"):
        model.decode(np.zeros(shape))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
def test_a_tensor_gives_tensors(model, dtype):
    z = torch.arange(2 * K).reshape(2, K).to(dtype)
    parts = model.decode(z)
    for part, wanted in zip(parts, model.decode(z.numpy()), strict=True):
        assert isinstance(part, torch.Tensor)
        assert part.dtype == torch.float32 and part.device == z.device and not part.is_inference()
        np.testing.assert_array_equal(part.numpy(), wanted)


def test_a_tensor_that_requires_gradients(model):
    z = torch.zeros(2, K, requires_grad=True)
    assert model.decode(z)[0].shape == (2, 110)


def test_spectra_of_another_length(model):
    spectra = random_spectra(model)
    short = Spectra(
        source_id=spectra.source_id,
        coefficients=spectra.coefficients[:, :55],
        errors=spectra.errors,
        g_flux=spectra.g_flux,
        g_flux_source="file",
    )
    with pytest.raises(InputError, match="have .55,. coefficients, the model takes 110"):
        model.encode(short)


def test_devices():
    assert find_device("cpu").type == "cpu"
    assert find_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    for name in ("gpu", "", "cpu:x"):
        with pytest.raises(InputError, match="is unknown: use auto, cpu or cuda"):
            find_device(name)


def test_a_device_that_cannot_be_used():
    # PyTorch knows these names, but no model runs there.
    for name in ("meta", "xla", "mps"):
        with pytest.raises(InputError, match="is unknown: use auto, cpu or cuda"):
            find_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_where_there_is_none():
    with pytest.raises(InputError, match="device cuda: PyTorch finds no CUDA device here"):
        random_model(device="cuda")


@pytest.mark.cuda
def test_a_gpu_gives_the_numbers_of_the_cpu():
    cpu, gpu = (random_model(device=device) for device in ("cpu", "cuda"))
    assert gpu.hash == cpu.hash
    spectra = random_spectra(cpu, 500)
    wanted, found = cpu.score(spectra), gpu.score(spectra)
    for name in ("mean", "std", "chi2", "chi2_obs", "kl"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(wanted, name), rtol=1e-3, atol=1e-4
        )
    z = torch.randn(100, K, generator=torch.Generator().manual_seed(0))
    for here, there in zip(cpu.decode(z), gpu.decode(z), strict=True):
        assert there.device.type == "cpu"
        np.testing.assert_allclose(there, here, rtol=1e-3, atol=1e-4)
    assert gpu.decode(z.cuda())[0].device.type == "cuda"


def test_the_hash_is_kept_by_saving(model, tmp_path):
    model.save(tmp_path / "a" / "b")
    loaded = load_model(tmp_path / "a" / "b", "cpu")
    assert loaded.hash == model.hash
    loaded.save(tmp_path / "c")
    assert load_model(tmp_path / "c").hash == model.hash
    for name in ("model.json", "model.safetensors"):
        first, second = (tmp_path / d / name for d in ("a/b", "c"))
        assert first.read_bytes() == second.read_bytes()


def test_the_hash_tells_models_apart(model):
    mu, sig = model.mu.copy(), model.sig.copy()
    mu[3] = np.nextafter(mu[3], np.inf)
    sig[100] *= 1.5
    network = random_network(0, 110, K, (20, 8))
    network.state_dict()["scatter.0.bias"][0] += 1e-6
    models = [
        model,
        Model(model.network, mu, model.sig, device="cpu"),
        Model(model.network, model.mu, sig, device="cpu"),
        Model(network, model.mu, model.sig, device="cpu"),
        random_model(1),
    ]
    assert len({m.hash for m in models}) == len(models)
    same = Model(model.network, model.mu, model.sig, {"note": "of no consequence"}, device="cpu")
    assert same.hash == model.hash


@pytest.mark.parametrize(
    ("mu", "sig", "message"),
    [
        (np.zeros(109), np.ones(110), r"mu has shape \(109,\)"),
        (np.zeros(110), np.ones(110) * (np.arange(110) != 17), r"sig\[17\] is 0"),
        (np.full(110, np.nan), np.ones(110), r"mu\[0\] is nan"),
        (np.zeros(110, complex), np.ones(110), "expected numbers"),
    ],
)
def test_a_normalization_that_does_not_fit(mu, sig, message):
    with pytest.raises(InputError, match=message):
        Model(random_network(0, 110, K, (20, 8)), mu, sig, device="cpu")


def test_the_demo_model_by_its_name(tmp_path, monkeypatch):
    """From any folder; one that is called so goes first."""
    monkeypatch.chdir(tmp_path)
    demo = load_model("demo", "cpu")
    assert demo.hash == load_model(demo_model(), "cpu").hash
    random_model().save(tmp_path / "demo")
    assert load_model("demo", "cpu").hash == random_model().hash != demo.hash
