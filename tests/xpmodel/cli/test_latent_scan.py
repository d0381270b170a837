"""``xpmodel train --latents`` over several numbers of them."""

import numpy as np
import pytest
from astropy.table import Table
from click.testing import CliRunner

from tests.support.commands import run
from tests.support.training import interrupt, some_spectra, write_spectra
from xpmodel import load_model
from xpmodel.cli.main import main
from xpmodel.training.train import TrainingConfig, train

pytestmark = pytest.mark.usefixtures("one_thread")
SMALL = ("--epochs", 2, "--batch", 64, "--learning-rate", "3e-3", "--device", "cpu")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_spectra(tmp_path_factory.mktemp("spectra") / "stars.h5", 300)


def test_each_number_is_trained_as_it_would_be_alone(source, tmp_path):
    result = run("train", source, "--out", tmp_path / "scan", "--latents", "1-2,4", *SMALL)
    for k in (1, 2, 4):
        run("train", source, "--out", tmp_path / f"alone{k}", "--latents", k, *SMALL)
        alone, scanned = (load_model(tmp_path / n) for n in (f"alone{k}", f"scan/k0{k}"))
        assert scanned.n_latents == k and scanned.hash == alone.hash
    table = Table.read(tmp_path / "scan" / "latents.ecsv")
    assert list(table["latents"]) == [1, 2, 4]
    assert (table["active"] <= table["latents"]).all()
    assert table.meta["epochs"] == 2 and table.meta["n_test"] == 30
    import pyarrow.parquet as pq

    for row in table:
        metrics = pq.read_table(tmp_path / "scan" / f"k0{row['latents']}" / "metrics.parquet")
        last = metrics.slice(1).to_pylist()[0]
        assert row["test_reconstruction"] == last["test_reconstruction"]
        assert row["test_loss"] == pytest.approx(last["test_reconstruction"] + last["test_kl"])
    assert (tmp_path / "scan" / "latents.pdf").read_bytes().startswith(b"%PDF")
    assert "latents.pdf" in result.stdout


def test_a_scan_that_was_interrupted_goes_on(source, tmp_path, monkeypatch):
    whole = tmp_path / "whole"
    run("train", source, "--out", whole, "--latents", "1,2", *SMALL)
    out = tmp_path / "broken"
    with monkeypatch.context() as patch:
        interrupt(patch, 12)  # 4 steps an epoch: in the second training
        arguments = ["train", source, "--out", out, "--latents", "1,2", *SMALL]
        result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == 130 and "with --resume" in result.stderr
    assert (out / "k01" / "model.json").exists() and not (out / "k02" / "model.json").exists()
    result = run("train", source, "--out", out, "--latents", "1,2", *SMALL, "--resume")
    assert "k01: is there" in result.stdout
    for name in ("latents.ecsv", "latents.pdf", "k01/model.safetensors", "k02/model.safetensors"):
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("three", "must be a number such as 6"),
        ("1,,2", "must be a number such as 6"),
        ("0", "must be 1 or more"),
        ("4-2", "a range must rise"),
        ("1-5000", "more than 1000 models"),
    ],
)
def test_what_is_no_number_of_latents(source, tmp_path, text, message):
    result = run("train", source, "--out", tmp_path / "m", "--latents", text, status=2)
    assert message in result.stderr and result.stderr.count("\n") == 1
    assert not (tmp_path / "m").exists()


def test_models_that_are_there_are_kept(source, tmp_path):
    config = TrainingConfig(epochs=1, batch=64, latents=2)
    train(some_spectra(300), config, device="cpu").save(tmp_path / "k02")
    result = run("train", source, "--out", tmp_path, "--latents", "1,2", *SMALL, status=2)
    assert "k02: holds a model" in result.stderr and not (tmp_path / "k01").exists()
    result = run(
        "train", source, "--out", tmp_path, "--latents", "1,2", *SMALL, "--resume", status=2
    )
    assert "k02/metrics.parquet: cannot be read" in result.stderr


def test_other_options_are_refused_when_a_scan_goes_on(source, tmp_path):
    run("train", source, "--out", tmp_path, "--latents", "1-2", *SMALL)
    result = run(
        "train", source, "--out", tmp_path, "--latents", "1-3", *SMALL, "--beta", 2, "--resume",
        status=2,
    )  # fmt: skip
    assert "k01: was trained with beta 1.0, not 2.0" in result.stderr
    assert np.all([(tmp_path / "latents.ecsv").exists(), not (tmp_path / "k03").exists()])


def test_not_under_torchrun(source, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    result = run("train", source, "--out", tmp_path / "m", "--latents", "1,2", *SMALL, status=2)
    assert "without torchrun" in result.stderr
