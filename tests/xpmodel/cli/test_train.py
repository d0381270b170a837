"""``xpmodel train``: what it writes, shows and refuses."""

import json
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from tests.support.released import released_rows, write_released
from tests.support.training import SMALL, some_spectra, write_spectra
from xpmodel import load_model, read_spectra
from xpmodel.cli.main import main
from xpmodel.cli.train import train_command
from xpmodel.training.config import PRESETS, TrainingConfig
from xpmodel.training.metrics import Epoch, from_array, to_array, write_curves
from xpmodel.training.train import train

pytestmark = pytest.mark.usefixtures("one_thread")


def run(*arguments):
    return CliRunner().invoke(main, ["train", *map(str, arguments)])


def test_what_the_command_writes(tmp_path):
    spectra = some_spectra(400)
    rows = released_rows(400)
    rows["coeffs"], rows["coeff_errs"] = spectra.coefficients, spectra.errors
    rows["phot_g_mean_flux"] = spectra.g_flux
    rows["coeff_errs"][3, 7] = np.nan
    rows["coeff_errs"][4, 7] = 0.0
    rows["coeffs"][5, 7] = np.nan
    source = write_released(tmp_path / "stars.h5", rows)
    out = tmp_path / "model"
    options = ("--device", "cpu", "--epochs", 3, "--batch", 64, "--latents", 3, "--beta", 0.5)
    result = run(source, "--out", out, *options, "--tensorboard", tmp_path / "board")
    assert result.exit_code == 0, result.output
    assert "397 of 400 rows used, 3 left out" in result.output
    assert "2: bad coefficient error" in result.output
    assert "KL of each latent [nat]: z1" in result.output
    for word in ("3/3", "reconstruction", "test", "KL", "rate"):
        assert word in result.output

    table = pq.read_table(out / "metrics.parquet")
    assert table.column_names == [
        "epoch", "reconstruction", "kl", "test_reconstruction", "test_kl",
        "kl_z1", "kl_z2", "kl_z3", "learning_rate", "seconds",
    ]  # fmt: skip
    assert table["epoch"].to_pylist() == [1, 2, 3]
    assert min(table["seconds"].to_pylist()) > 0
    assert (out / "curves.pdf").read_bytes().startswith(b"%PDF")
    said = json.loads((out / "model.json").read_text())
    assert said["training"]["beta"] == 0.5 and said["training"]["latents"] == 3
    assert len(said["training"]["data_sha256"]) == len(said["source"]["spectra"]["sha256"]) == 64

    assert said["source"]["left_out"] == {"bad coefficient error": 2, "NaN coefficient": 1}

    options = {name: said["training"][name] for name in TrainingConfig.__dataclass_fields__}
    again = train(read_spectra(source), TrainingConfig(**options), device="cpu")
    assert again.hash == load_model(out).hash

    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(tmp_path / "board")).Reload()
    assert set(board.Tags()["scalars"]) == set(table.column_names) - {"epoch"}
    points = board.Scalars("kl_z2")
    assert [point.step for point in points] == [1, 2, 3]
    assert [point.value for point in points] == pytest.approx(table["kl_z2"].to_pylist())


def test_without_tensorboard(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    source = write_spectra(tmp_path / "stars.h5", 100)
    result = run(source, "--out", tmp_path / "model", "--tensorboard", tmp_path / "board")
    assert result.exit_code == 2
    assert "TensorBoard is not installed: pip install tensorboard" in result.output
    assert not (tmp_path / "model").exists()


def test_a_model_that_is_there_is_kept(tmp_path):
    train(some_spectra(), SMALL, device="cpu").save(tmp_path)
    before = (tmp_path / "model.json").read_bytes()
    result = run("stars.h5", "--out", tmp_path)
    assert result.exit_code == 2
    assert "holds a model" in result.output
    assert (tmp_path / "model.json").read_bytes() == before


def test_a_preset_and_what_is_said_beside_it(tmp_path):
    source = write_spectra(tmp_path / "stars.h5", 100)
    options = ("--preset", "demo", "--epochs", 2, "--batch", 32, "--device", "cpu")
    result = run(source, "--out", tmp_path / "model", *options)
    assert result.exit_code == 0, result.output
    said = load_model(tmp_path / "model").description["training"]
    expected = PRESETS["demo"] | {"epochs": 2, "batch": 32}
    assert expected == {name: said[name] for name in expected}


def test_defaults_that_help_shows_are_the_recipes():
    defaults = TrainingConfig()
    shown = {
        option.name: option.show_default
        for option in train_command.params
        if isinstance(getattr(option, "show_default", None), str)
    }
    assert {"epochs", "batch", "learning_rate", "restart", "latents", "seed", "loss"} <= set(shown)
    for name, text in shown.items():
        value = getattr(defaults, name)
        assert (text if isinstance(value, str) else float(text)) == value
    choices = {o.name: getattr(o.type, "choices", None) for o in train_command.params}
    assert list(choices["preset"]) == list(PRESETS)


def test_help_needs_no_torch():
    import subprocess

    code = "import sys; sys.modules['torch'] = None; from xpmodel.cli.main import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", code, "train", "--help"], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert "--free-bits" in result.stdout


def some_epochs(n=40):
    return [
        Epoch(
            number=i,
            reconstruction=-100 + 300 / i,
            kl=6 + i / 9,
            test_reconstruction=-99 + 900 / i**2,
            test_kl=7.0,
            kl_latents=(3.0 + i / 9, 2.0, 1.0),
            learning_rate=1e-4 / i,
            seconds=0.25,
        )
        for i in range(1, n + 1)
    ]


def test_epochs_as_an_array_and_back():
    assert from_array(to_array(some_epochs(), 3)) == some_epochs()
    assert to_array([], 3).shape == (0, 10)


@pytest.mark.parametrize("n", [1, 40])
def test_curves(n, tmp_path):
    path = write_curves(tmp_path / "curves.png", some_epochs(n))
    from matplotlib.image import imread

    pixels = imread(path)
    assert pixels.shape[:2] == (1260, 2130)
    assert (pixels[..., :3].min(axis=2) < 0.5).mean() > 0.005
