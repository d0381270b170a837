import h5py
import numpy as np
import pytest
from astropy.table import Table

from tests.support.alpha import alpha_columns
from tests.support.commands import run
from tests.support.tracks import catalog_of
from xpmodel import InputError, Model, encode_files, load_model
from xpmodel.mock.write import DATASET, Sky, draw_chunk
from xpmodel.studies.alpha.attribution import attribute


@pytest.fixture(scope="module")
def sky(tmp_path_factory, mock):
    """A small mock sky through an untrained model that was scaled to it."""
    folder = tmp_path_factory.mktemp("sky")
    table, _, _ = draw_chunk(Sky(5000, 3), 0)
    with h5py.File(folder / "sky.h5", "w") as file:
        file.create_dataset(DATASET, data=table)
    per_flux = table["coeffs"] / table["phot_g_mean_flux"][:, None]
    network = load_model(mock.model).network
    model = Model(network, np.median(per_flux, axis=0), per_flux.std(axis=0), device="cpu")
    model.save(folder / "model")
    encode_files(folder / "sky.h5", model, folder / "stars.parquet")
    return folder


@pytest.mark.slow
def test_attribute(sky, tmp_path):
    arguments = ("--cut", "full", "--shuffles", 20, "--pairs", 150)
    null = ("--null", sky / "stars.parquet", "--null-model", sky / "model")
    result = run(
        "attribute", sky / "stars.parquet", "--model", sky / "model", *arguments, *null,
        "--out", tmp_path,
    )  # fmt: skip
    table = Table.read(tmp_path / "attribution.ecsv")
    assert table["wavelength"].unit == "nm" and len(table) == 343
    assert table.meta["n_pairs"] == 150 < table.meta["n_found"]
    for z, difference in table.meta["delta_z"].items():
        added = 2.0 * table[f"{z}_part"].sum()  # 2 nm
        assert added == pytest.approx(difference, abs=1e-3)
    assert 2.0 * table["classifier"].sum() == pytest.approx(table.meta["logit"], abs=1e-3)
    assert (table["null_p2"] <= table["null_p98"]).all()
    assert (tmp_path / "attribution.pdf").stat().st_size > 10_000
    # The null catalog is the same here, and so is what comes of it.
    other = Table.read(tmp_path / "attribution_null.ecsv")
    assert (table["classifier"] == other["classifier"]).all()
    assert "150 of" in result.stdout and "Mg b, MgH" in result.stdout
    assert "without --null" not in result.stdout


def test_mistakes(sky, mock, tmp_path):
    catalog, model = sky / "stars.parquet", sky / "model"

    def message(*arguments):
        result = run("attribute", *arguments, "--out", tmp_path / "out", status=2)
        assert result.stderr.count("\n") == 1
        return result.stderr

    assert "--null and --null-model go together" in message(catalog, "--null", catalog)
    assert "give its own by --model" in message(catalog)
    assert "3 shuffles are too few" in message(
        catalog, "--model", model, "--cut", "full", "--shuffles", 3
    )
    assert "no numbers in columns fe_h" in message(mock.catalog, "--model", mock.model)
    assert not (tmp_path / "out").exists()


def test_a_catalog_without_spectra_latents_or_pairs(mock, tmp_path):
    model = load_model(mock.model)

    def catalog(name, **columns):
        stars = alpha_columns(400)
        for z in ("z1", "z2", "z3"):
            stars.pop(z)
        return catalog_of(tmp_path / f"{name}.parquet", stars | columns)

    z = {f"z{k}": np.random.default_rng(k).normal(size=400) for k in range(1, 5)}
    for given, message in (
        (catalog("bare", **z), "spectra"),
        (catalog("flat", **{k: np.zeros(400) for k in z}), "no latent is active"),
    ):
        with pytest.raises(InputError, match=message) as error:
            attribute(given, model)
        assert "\n" not in str(error.value)
