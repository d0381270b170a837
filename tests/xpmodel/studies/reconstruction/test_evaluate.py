import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

from tests.support import commands
from tests.support.loops import some
from tests.support.mock import mock_model
from xpmodel import InputError, load_model, open_catalog
from xpmodel.spectra.train_test_split import train_test_rows
from xpmodel.spectra.wavelengths import Wavelengths
from xpmodel.studies.reconstruction.evaluate import Evaluation, built_in, compare, held_out
from xpmodel.studies.reconstruction.residuals import ZGR_GRID
from xpmodel.studies.reconstruction.rivals import Reconstruction
from xpmodel.studies.reconstruction.tables import coefficients_table, labels_table, summary_table


@pytest.fixture(scope="module")
def opened(mock):
    catalog = open_catalog(mock.catalog)
    return catalog, load_model(mock.model, "cpu"), held_out(catalog)


def run(*arguments, status: int = 0):
    return commands.run("evaluate", *arguments, status=status)


def test_stars_are_those_of_the_released_split(opened):
    catalog, _, stars = opened
    _, test = train_test_rows(len(catalog))
    assert np.array_equal(stars.test, test)
    assert np.array_equal(stars.spectra.source_id, catalog.source_id[test])
    assert "names no split" in stars.note


def test_model_residuals_are_its_chi2(opened):
    """The catalog's chi2_obs is the mean of ℛ(j)², made by other code when it was encoded."""
    catalog, model, stars = opened
    first, *_ = built_in(catalog, model, stars)[0]
    (found,) = compare(stars, [first])
    mean = (found.own.coefficient.astype(float) ** 2).mean(axis=1)
    assert mean == pytest.approx(catalog["chi2_obs"][stars.test], rel=2e-3)


def test_rivals_are_compared_on_their_own_stars(opened):
    """A rival of 30 stars: the ratio is to the model's RMSE of these 30."""
    catalog, model, stars = opened
    first, *_ = built_in(catalog, model, stars)[0]
    places = np.sort(np.random.default_rng(0).permutation(len(stars.test))[:30])
    coefficients = first.coefficients[places] + 2 * stars.spectra.errors[places]
    rival = Reconstruction("few", places, coefficients)
    own, few = compare(stars, [first, rival])
    assert np.array_equal(few.model.rmse_flux, own.own.rmse_flux[places])
    table = summary_table([own, few], {})
    assert list(table["n"]) == [len(stars.test), 30]
    expected = np.sqrt(
        np.mean(few.own.rmse_coefficient.astype(float) ** 2)
        / np.mean(own.own.rmse_coefficient[places].astype(float) ** 2)
    )
    assert table["rmse_j_ratio"][1] == pytest.approx(expected) and expected > 1.01
    ratios = few.own.rmse_coefficient / own.own.rmse_coefficient[places]
    assert table["rmse_j_star_ratio"][1] == pytest.approx(ratios.mean(), rel=1e-5)
    assert table["rmse_j_star_median"][1] == pytest.approx(np.median(ratios), rel=1e-5)
    by_coefficient = coefficients_table([own, few], {})
    low, high = np.percentile(few.own.coefficient[:, 9], [16, 84])
    assert by_coefficient["few_bias"][9] == pytest.approx(np.median(few.own.coefficient[:, 9]))
    assert by_coefficient["few_spread"][9] == pytest.approx((high - low) / 2)
    square = np.mean(few.own.coefficient[:, 9].astype(float) ** 2)
    model_square = np.mean(few.model.coefficient[:, 9].astype(float) ** 2)
    assert by_coefficient["few_mean_square_ratio"][9] == pytest.approx(square / model_square)
    stars_ratio = np.abs(few.own.coefficient[:, 9] / few.model.coefficient[:, 9])
    assert by_coefficient["few_star_mean"][9] == pytest.approx(stars_ratio.mean(), rel=1e-4)
    assert by_coefficient["few_star_median"][9] == pytest.approx(np.median(stars_ratio), rel=1e-5)
    assert by_coefficient["few_rms_ratio"][9] ** 2 == pytest.approx(square / model_square)


def test_labels_of_the_same_stars(opened):
    """In a bin of a label a rival of part of the stars stands beside the model's on these."""
    catalog, model, stars = opened
    first, *_ = built_in(catalog, model, stars)[0]
    places = np.arange(0, len(stars.test), 3)
    rival = Reconstruction(
        "third", places, first.coefficients[places] + stars.spectra.errors[places]
    )
    compared = compare(stars, [first, rival])
    table = labels_table(Evaluation(stars, compared, {}), catalog, {})
    part = table[table["label"] == "teff"]
    values = catalog["teff"][stars.test]
    last = len(part) - 1
    for number, row in enumerate(part):
        below = values <= row["high"] if number == last else values < row["high"]
        inside = (values >= row["low"]) & below
        assert row["n"] == inside.sum() == row["model_n"]
        mine = inside[places]
        assert row["third_n"] == mine.sum()
        if mine.any():
            own, same = compared[1].own, compared[0].own
            assert row["third_rmse_j"] == pytest.approx(np.median(own.rmse_coefficient[mine]))
            wanted = np.median(same.rmse_coefficient[places[mine]])
            assert row["third_model_j"] == pytest.approx(wanted)


def test_stars_without_latents_are_left_out(opened):
    catalog, model, stars = opened
    (first, pca, *_), _ = built_in(catalog, model, stars)
    kept = np.flatnonzero(np.arange(len(stars.test)) != 3)
    some = Reconstruction("model", kept, first.coefficients[kept])
    own, other = compare(stars, [some, pca])
    assert np.array_equal(other.reconstruction.places, kept)
    assert other.reconstruction.note.endswith("1 without latents left out")
    whole = compare(stars, [first, pca])[1]
    assert np.array_equal(other.own.rmse_flux, whole.own.rmse_flux[kept])
    with pytest.raises(InputError, match="lone: the model has latents of none of its stars"):
        compare(stars, [some, Reconstruction("lone", np.array([3]), first.coefficients[3:4])])


def test_own_wavelengths(opened):
    """Fluxes at other wavelengths are compared there, on both sides."""
    catalog, model, stars = opened
    first, *_ = built_in(catalog, model, stars)[0]
    grid = np.array([500.0, 700.0, 811.0])
    flux = Wavelengths(grid).flux(first.coefficients)
    _, same = compare(stars, [first, Reconstruction("same", first.places, flux=flux, grid=grid)])
    assert same.own.flux.shape == (len(stars.test), 3)
    assert np.allclose(same.own.flux, same.model.flux, rtol=1e-4)


@pytest.mark.slow
def test_command(mock, opened, tmp_path):
    catalog, model, stars = opened
    rng = np.random.default_rng(0)
    table = {"source_id": stars.spectra.source_id[:50]}
    table["coefficients"] = list(stars.spectra.coefficients[:50].astype(float))
    pq.write_table(pa.table(table), tmp_path / "copy.parquet")
    other = mock_model(seed=3)
    other.save(tmp_path / "other")
    truth = catalog.spectra[np.arange(len(catalog))]
    order = rng.permutation(len(catalog))
    flat = pa.array(truth.coefficients[order].ravel().astype(np.float32))
    rows = {"source_id": truth.source_id[order]}
    rows["coefficients"] = pa.FixedSizeListArray.from_arrays(flat, 110)
    pq.write_table(pa.table(rows), tmp_path / "truth.parquet")
    options = ("--model", mock.model, "--rival", tmp_path / "copy.parquet")
    options += ("--rival-model", f"other={tmp_path / 'other'}", "--as-released")
    options += ("--truth", tmp_path / "truth.parquet")
    result = run(mock.catalog, *options, "--out", tmp_path / "a")
    summary = Table.read(tmp_path / "a" / "evaluate.ecsv")
    names = ["model", "PCA 4", "PCA 6", "PCA 20", "label mean", "copy", "other"]
    assert list(summary["reconstruction"]) == names
    assert list(Table.read(tmp_path / "a" / "residuals.ecsv")["reconstruction"]) == 2 * names
    assert summary["rmse_lambda"][5] == pytest.approx(0, abs=1e-4)  # the observation itself
    assert summary["rmse_j_ratio"][6] > 1.05  # an untrained model of other weights
    assert "rmse_j_released" in summary.colnames
    waves = Table.read(tmp_path / "a" / "wavelengths.ecsv")
    assert np.array_equal(waves["wavelength"], ZGR_GRID)
    assert waves["wavelength"].unit == "nm"
    labels = Table.read(tmp_path / "a" / "labels.ecsv")
    assert set(labels["label"]) >= {"teff", "logg", "m_h", "alpha_m"}
    assert np.array_equal(labels["thin"], labels["n"] < 30)
    by_star = pq.read_table(tmp_path / "a" / "stars.parquet")
    assert by_star.column("source_id").to_pylist() == stars.spectra.source_id.tolist()
    assert by_star.column("copy_rmse_j").null_count == len(stars.test) - 50
    for name in ("coefficients", "wavelengths", "labels_j", "labels_lambda", "denoising"):
        assert (tmp_path / "a" / f"{name}.pdf").stat().st_size > 5000
    assert "errors counted as independent" in result.stdout
    assert f"copy.parquet: 50 of {len(stars.test)} test stars" in result.stdout
    run(mock.catalog, *options, "--out", tmp_path / "b")
    for path in some((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--rival", "=x"), "give a rival as FILE or NAME=FILE"),
        (("--rival", "nowhere.csv"), "nowhere.csv: no such file"),
        (("--lb23-labels", "nowhere.npy"), "nowhere.npy: not a .npy file"),
        (("--zgr23", "nowhere.npz"), "nowhere.npz: not a .npz file"),
        (("--correlations", "nowhere.npz"), "nowhere.npz: not a .npz file"),
        (("--rival-model", "nowhere"), "model.json: cannot be read"),
    ],
    ids=["no name", "no table", "no lb23", "no zgr23", "no correlations", "no model"],
)
def test_mistakes(mock, tmp_path, options, message):
    result = run(mock.catalog, "--model", mock.model, "--out", tmp_path, *options, status=2)
    assert message in result.stderr and result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_other_model_is_refused(mock, tmp_path):
    mock_model(seed=3).save(tmp_path / "other")
    result = run(mock.catalog, "--model", tmp_path / "other", "--out", tmp_path, status=2)
    assert "give the model that encoded it" in result.stderr


def test_default_folders(mock, tmp_path, monkeypatch):
    """The demo model, if it is the catalog's; results beside the stars."""
    copy = tmp_path / "stars.parquet"
    copy.write_bytes(mock.catalog.read_bytes())
    spectra = mock.catalog.with_suffix(".spectra.arrow").read_bytes()
    copy.with_suffix(".spectra.arrow").write_bytes(spectra)
    result = run(copy, "--no-figures", status=2)
    assert "give --model, the folder of the model" in result.stderr
    demo = tmp_path / "demo_model"
    monkeypatch.setattr("xpmodel.cli.output.demo_model", lambda: demo)
    load_model(mock.model, "cpu").save(demo)
    run(copy, "--no-figures")
    assert (tmp_path / "stars.evaluate" / "evaluate.ecsv").exists()
    mock_model(seed=3).save(demo)
    assert "give --model" in run(copy, "--no-figures", status=2).stderr


def test_without_labels_or_errors(mock, tmp_path):
    """What can be had is, and what cannot is said."""
    table = pq.read_table(mock.catalog)
    keep = [n for n in table.column_names if n[0] == "z" or n in ("source_id", "chi2", "chi2_obs")]
    bare = tmp_path / "stars.parquet"
    pq.write_table(table.select(keep), bare)
    arrow = mock.catalog.with_suffix(".spectra.arrow")
    bare.with_suffix(".spectra.arrow").write_bytes(arrow.read_bytes())
    result = run(bare, "--model", mock.model, "--out", tmp_path / "out", "--no-figures")
    assert "no label mean: " in result.stdout and "has no labels" in result.stdout
    for name in ("label + color mean", "label + color cubic"):
        assert f"no {name}: " in result.stdout
    result = run(
        bare, "--model", mock.model, "--out", tmp_path, "--truth", "truth.parquet", status=2
    )
    assert "no phot_g_mean_mag" in result.stderr
    catalog = open_catalog(mock.catalog)
    spectra = catalog.spectra[np.arange(len(catalog))]
    spectra.errors[:, 5] = 0

    class Store:
        def __getitem__(self, rows):
            return spectra[rows]

    catalog.__dict__["spectra"] = Store()
    with pytest.raises(InputError, match="400 test stars without errors above 0"):
        held_out(catalog)
