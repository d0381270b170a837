"""``xpmodel train`` on too few, equal or extreme stars: one line, and nothing left behind."""

import numpy as np
import pytest

from tests.support.commands import run
from tests.support.released import released_rows, write_released
from tests.support.training import some_spectra
from xpmodel import load_model

pytestmark = pytest.mark.usefixtures("one_thread")

N = 300


def rows(n: int = N) -> np.ndarray:
    """Stars that can be trained on, in the released file's layout."""
    spectra, table = some_spectra(N), released_rows(N)
    table["coeffs"], table["coeff_errs"] = spectra.coefficients, spectra.errors
    table["phot_g_mean_flux"] = spectra.g_flux
    return table[:n]


def with_values(column: str, value: float, stars: int | slice) -> np.ndarray:
    """The same with one value for some stars."""
    table = rows()
    table[column][stars] = value
    return table


def equal() -> np.ndarray:
    """One star again and again, under other ids."""
    table = rows()
    ids = table["ids"].copy()
    table[:] = table[0]
    table["ids"] = ids
    return table


def garbage() -> np.ndarray:
    """Random bits."""
    table, rng = rows(), np.random.default_rng(0)
    for name in ("coeffs", "coeff_errs"):
        bits = rng.integers(0, 2**32, table[name].shape, dtype=np.uint32)
        table[name] = bits.view(np.float32)
    return table


ALL = slice(None)
REFUSED = {
    "no star": (rows(0), "no rows at all"),
    "one star": (rows(1), "1 of 1 spectra is usable for training, and at least 2 are needed"),
    "two stars": (rows(2), "the same for all 1 training stars"),
    "five stars": (rows(5), "4 training stars do not fill a batch of 64"),
    "equal stars": (equal(), "coefficient 0 is the same for all 270 training stars"),
    "coefficients of 0": (with_values("coeffs", 0.0, ALL), "coefficient 0 is the same for all"),
    "garbage": (garbage(), "none of 300 rows is usable"),
    "fluxes of 1e-300": (with_values("phot_g_mean_flux", 1e-300, ALL), "0 of 300 spectra are"),
    "fluxes near 0": (with_values("phot_g_mean_flux", 5e-324, ALL), "0 of 300 spectra are"),
    "fluxes of 1e300": (with_values("phot_g_mean_flux", 1e300, ALL), "none of 300 rows is usable"),
    "infinite fluxes": (with_values("phot_g_mean_flux", np.inf, ALL), "none of 300 rows is usable"),
    "infinite errors": (with_values("coeff_errs", np.inf, ALL), "none of 300 rows is usable"),
    "errors of 0": (with_values("coeff_errs", 0.0, ALL), "none of 300 rows is usable"),
    "negative errors": (with_values("coeff_errs", -1.0, ALL), "none of 300 rows is usable"),
    "huge errors": (with_values("coeff_errs", 3e38, ALL), "the loss is not finite in epoch 1"),
    "one huge error": (with_values("coeff_errs", 3e38, 5), "the loss is not finite in epoch 1"),
}
LEFT_OUT = {
    "a flux of 1e-300": with_values("phot_g_mean_flux", 1e-300, 5),
    "an infinite flux": with_values("phot_g_mean_flux", np.inf, 5),
    "an infinite error": with_values("coeff_errs", np.inf, 5),
    "a negative error": with_values("coeff_errs", -1.0, 5),
    "an infinite coefficient": with_values("coeffs", np.inf, 5),
}
WAYS = pytest.mark.parametrize("way", [[], ["--stream"]], ids=["in memory", "streamed"])


def train(source, out, way, status):
    options = ("--out", out, "--epochs", 1, "--batch", 64, "--device", "cpu")
    return run("train", source, *options, *way, status=status)


@WAYS
@pytest.mark.parametrize("name", REFUSED)
def test_a_source_that_cannot_be_trained_on_leaves_nothing(tmp_path, name, way):
    table, message = REFUSED[name]
    source, out = write_released(tmp_path / "stars.h5", table), tmp_path / "model"
    last = train(source, out, way, 2).stderr.strip().splitlines()[-1]
    assert last.startswith(f"xpmodel: {source}: ") and message in last
    assert [path.name for path in tmp_path.iterdir()] == ["stars.h5"]


@WAYS
@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_star_that_cannot_be_trained_on_is_counted(tmp_path, name, way):
    source = write_released(tmp_path / "stars.h5", LEFT_OUT[name])
    said = train(source, tmp_path / "model", way, 0).stdout
    assert "left out 1" in said or "1 left out" in said
    assert load_model(tmp_path / "model").description["training"]["n_train"] == 269


@WAYS
def test_what_was_in_the_folder_stays_there(tmp_path, way):
    source, out = write_released(tmp_path / "stars.h5", rows(5)), tmp_path / "model"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    train(source, out, way, 2)
    assert [path.name for path in out.iterdir()] == ["notes.txt"]


@WAYS
def test_garbage_that_is_no_file_of_stars(tmp_path, way):
    source = tmp_path / "stars.h5"
    source.write_bytes(b"\x89HDF\r\n\x1a\n" + np.random.default_rng(0).bytes(2000))
    assert "stars.h5: cut short or damaged" in train(source, tmp_path / "model", way, 2).stderr
    assert [path.name for path in tmp_path.iterdir()] == ["stars.h5"]
