import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

from xpmodel import InputError, open_catalog
from xpmodel.studies.reconstruction.evaluate import held_out
from xpmodel.studies.reconstruction.residuals import FIRST_COLUMNS, ZGR_GRID
from xpmodel.studies.reconstruction.rival_files import (
    read_correlations,
    read_lb23,
    read_rival,
    read_zgr23,
)


@pytest.fixture(scope="module")
def spectra(mock):
    return held_out(open_catalog(mock.catalog)).spectra


def lists(values):
    return pa.array(list(values))


def test_lists_of_110(spectra, tmp_path):
    """Matched by id, whatever the order; what is missing or not finite is left out and counted."""
    order = np.random.default_rng(0).permutation(len(spectra))[:300]
    values = spectra.coefficients[order].astype(np.float64) + 1
    values[7, 3] = np.nan
    table = {"source_id": np.append(spectra.source_id[order], 5)}
    table["coefficients"] = lists(np.concatenate([values, np.ones((1, 110))]))
    pq.write_table(pa.table(table), tmp_path / "rival.parquet")
    found = read_rival("mine", tmp_path / "rival.parquet", spectra)
    assert found.places.tolist() == sorted(set(order.tolist()) - {int(order[7])})
    wanted = spectra.coefficients[found.places].astype(np.float64) + 1
    assert np.array_equal(found.coefficients, wanted)
    assert found.note == f"rival.parquet: 299 of {len(spectra)} test stars"


def test_lists_of_64_per_flux(spectra, tmp_path):
    per_flux = spectra.coefficients / spectra.g_flux[:, None]
    table = {"source_id": spectra.source_id}
    table["coefficients_per_g_flux"] = lists(per_flux[:, FIRST_COLUMNS])
    pq.write_table(pa.table(table), tmp_path / "rival.parquet")
    found = read_rival("mine", tmp_path / "rival.parquet", spectra)
    assert np.allclose(found.coefficients[:, FIRST_COLUMNS], spectra.coefficients[:, FIRST_COLUMNS])
    others = np.setdiff1d(np.arange(110), FIRST_COLUMNS)
    assert np.isnan(found.coefficients[:, others]).all()


@pytest.mark.parametrize("form", ["csv", "ecsv", "fits"])
def test_flat_columns(spectra, tmp_path, form):
    few = spectra[np.arange(20)]
    table = Table({"SOURCE_ID": few.source_id})
    for band, offset in (("bp", 0), ("rp", 55)):
        for j in range(40):
            table[f"{band}_coeff_{j}"] = few.coefficients[:, offset + j].astype(np.float64)
    path = tmp_path / f"flat.{form}"
    table.write(path, format={"ecsv": "ascii.ecsv"}.get(form, form))
    found = read_rival("flat", path, spectra)
    assert found.places.tolist() == list(range(20))
    assert np.allclose(found.coefficients[:, :40], few.coefficients[:, :40])
    assert np.isnan(found.coefficients[:, 40:55]).all()


def test_fluxes_at_own_wavelengths(spectra, tmp_path):
    table = Table({"source_id": spectra.source_id[:9], "flux_700.5": np.full(9, 2e-17)})
    table["flux_500"] = np.arange(9) * 1e-17
    table.write(tmp_path / "flux.csv")
    found = read_rival("flux", tmp_path / "flux.csv", spectra)
    assert found.grid.tolist() == [500, 700.5] and found.coefficients is None
    assert found.flux[3].tolist() == [3e-17, 2e-17]


def test_lb23(spectra, tmp_path):
    """Both released files are arrays of the test split in its order, with 32 + 32 tokens."""
    per_flux = (spectra.coefficients / spectra.g_flux[:, None])[:, FIRST_COLUMNS]
    per_flux[4] = np.nan
    np.save(tmp_path / "lb23_xp_est_no_labels.npy", per_flux)
    found = read_lb23("LB23", tmp_path / "lb23_xp_est_no_labels.npy", spectra)
    assert found.places.tolist() == [i for i in range(len(spectra)) if i != 4]
    wanted = spectra.coefficients[found.places][:, FIRST_COLUMNS]
    assert np.allclose(found.coefficients[:, FIRST_COLUMNS], wanted, rtol=1e-5)
    whole = spectra.coefficients / spectra.g_flux[:, None]
    np.save(tmp_path / "lb23_xp_est_labels.npy", whole.astype(np.float32))
    found = read_lb23("LB23", tmp_path / "lb23_xp_est_labels.npy", spectra)
    assert np.allclose(found.coefficients, spectra.coefficients, rtol=1e-5)


def test_lb23_refused(spectra, tmp_path):
    per_flux = spectra.coefficients / spectra.g_flux[:, None]
    for values, message in (
        (per_flux[:-1], "but the test split has"),
        (per_flux[:, :50], "50 coefficients a star, expected 110, or 64"),
        (spectra.coefficients, "expected coefficients per unit G flux"),
        (per_flux[0], "expected \\(stars, 64 or 110\\)"),
        (per_flux.astype(str), "expected numbers"),
    ):
        np.save(tmp_path / "bad.npy", values)
        with pytest.raises(InputError, match=message):
            read_lb23("LB23", tmp_path / "bad.npy", spectra)
    np.save(tmp_path / "object.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="not a .npy file of numbers"):
        read_lb23("LB23", tmp_path / "object.npy", spectra)


def test_zgr23(spectra, tmp_path):
    """Unmatched stars and those of bad quality are left out."""
    n = 50
    flux = np.random.default_rng(0).uniform(1, 2, (n, 61))
    flags = np.zeros(n, np.int64)
    flags[:5] = 8
    flags[5] = 7
    ids = spectra.source_id[:n].copy()
    ids[10] = 12345  # a star that is not in the test split
    order = np.random.default_rng(1).permutation(n)
    parameters = np.random.default_rng(2).normal(size=(n, 5))
    parameters[20:24] = 0  # not matched: the released script leaves quality 0, which passes
    path = tmp_path / "zhang_stellar_params_xmatch.npz"
    columns = {
        "source_ids": ids,
        "stellar_params": parameters,
        "quality_flags": flags.astype(float),
    }
    columns["flux"] = flux
    np.savez(path, **{key: values[order] for key, values in columns.items()})
    found = read_zgr23("ZGR23", path, spectra)
    assert found.places.tolist() == [i for i in range(5, n) if i not in (10, 20, 21, 22, 23)]
    assert np.allclose(found.flux, flux[found.places] * 1e-18)
    assert np.array_equal(found.grid, ZGR_GRID)
    assert "40 of" in found.note


def test_zgr23_refused(spectra, tmp_path):
    path = tmp_path / "zgr.npz"
    ids = spectra.source_id[:4]
    np.savez(path, ids=ids, teff=np.ones(4))
    with pytest.raises(InputError, match="no source_ids, quality_flags, flux; it has ids, teff"):
        read_zgr23("ZGR23", path, spectra)
    flags = np.zeros(4)  # the released file as it is: parameters, no spectra
    np.savez(path, source_ids=ids, stellar_params=np.ones((4, 5)), quality_flags=flags)
    with pytest.raises(InputError, match="no flux; it has source_ids, stellar_params, quality_f"):
        read_zgr23("ZGR23", path, spectra)
    columns = {"source_ids": ids, "quality_flags": flags, "flux": np.ones((4, 61))}
    np.savez(path, stellar_params=np.ones((3, 5)), **columns)
    with pytest.raises(InputError, match="stellar_params has shape \\(3, 5\\), expected \\(4, 5"):
        read_zgr23("ZGR23", path, spectra)
    np.savez(path, stellar_params=np.zeros((4, 5)), **columns)
    with pytest.raises(InputError, match="no row has an id and finite numbers"):
        read_zgr23("ZGR23", path, spectra)
    np.savez(path, source_ids=ids.astype(float), quality_flags=ids, flux=np.ones((4, 61)))
    with pytest.raises(InputError, match="expected whole numbers"):
        read_zgr23("ZGR23", path, spectra)
    np.savez(path, source_ids=ids, quality_flags=ids, flux=np.ones((4, 60)))
    with pytest.raises(InputError, match="expected \\(4,\\) and \\(4, 61\\)"):
        read_zgr23("ZGR23", path, spectra)
    path.write_bytes(b"PK\x03\x04 no")
    with pytest.raises(InputError, match="not a .npz file"):
        read_zgr23("ZGR23", path, spectra)


def test_correlations(spectra, tmp_path):
    n = len(spectra)
    path = tmp_path / "xp_corrs.npz"
    bp, rp = (np.full((n, 55, 55), v, np.float32) for v in (0.25, 0.5))
    np.savez(path, bp_corrs=bp, rp_corrs=rp)
    found = read_correlations(path, n)
    assert found.shape == (n, 2, 55, 55)
    assert (found[:, 0] == 0.25).all() and (found[:, 1] == 0.5).all()
    with pytest.raises(InputError, match="of the test stars"):
        read_correlations(path, n + 1)


def test_released_correlations(spectra, tmp_path):
    """The released file is of lower triangles, which GaiaXPy fills in."""
    from gaiaxpy.core.generic_functions import array_to_symmetric_matrix

    n = len(spectra)
    packed = np.random.default_rng(0).uniform(-0.5, 0.5, (2, n, 55 * 54 // 2))
    np.savez(tmp_path / "xp_corrs.npz", bp_corrs=packed[0], rp_corrs=packed[1])
    found = read_correlations(tmp_path / "xp_corrs.npz", n)
    assert found.shape == (n, 2, 55, 55)
    for star in (0, 17, n - 1):
        for band in (0, 1):
            wanted = array_to_symmetric_matrix(packed[band, star], 55)
            assert found[star, band] == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("names", [["flux_500"], ["flux_500", "flux_1100"]], ids=["one", "far"])
def test_wavelengths_that_cannot_be_had(spectra, tmp_path, names):
    table = Table({"source_id": spectra.source_id[:9]})
    for name in names:
        table[name] = np.full(9, 1e-17)
    table.write(tmp_path / "flux.csv")
    with pytest.raises(InputError, match="flux.csv: the wavelength grid"):
        read_rival("flux", tmp_path / "flux.csv", spectra)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"id": [1]}, "no column 'source_id'"),
        ({"source_id": [1], "teff": [1.0]}, "no reconstruction to compare"),
        ({"source_id": [1], "coefficients": [[1.0] * 110]}, "has none of the"),
        ({"source_id": [1, 1], "coefficients": [[1.0] * 110] * 2}, "source_id 1 stands in it"),
        ({"source_id": [1], "coefficients": [[1.0] * 30]}, "30 coefficients a star"),
        ({"source_id": [1, 2], "coefficients": [[1.0] * 110, [2.0]]}, "lists of 64 or 110"),
        ({"source_id": [1], "coefficients": [[np.nan] * 110]}, "no row has an id and finite"),
        ({"source_id": [1], "flux": [[1.0] * 60]}, "lists of 61"),
        ({"source_id": [1], "coefficients": [3.0]}, "expected lists of numbers"),
    ],
    ids=[
        "no id", "nothing", "no match", "twice", "width", "ragged", "nan", "flux", "scalar"
    ],
)  # fmt: skip
def test_bad_tables(spectra, tmp_path, columns, message):
    pq.write_table(pa.table(columns), tmp_path / "bad.parquet")
    with pytest.raises(InputError, match=message):
        read_rival("bad", tmp_path / "bad.parquet", spectra)


@pytest.mark.parametrize("name", ["DR3Name", "gaia_dr3_source_id", "Source"])
def test_ids_of_a_rival_by_other_names(spectra, tmp_path, name):
    ids = [*map(str, spectra.source_id[:8]), "4.1e18"]
    path = tmp_path / "rival.parquet"
    pq.write_table(pa.table({name: ids, "coefficients": [[1.0] * 110] * 9}), path)
    rival = read_rival("x", path, spectra)
    assert len(rival.places) == 8
    assert rival.note.endswith(
        f"1 row without an exact integer in {name} (the first, row 9: '4.1e18')"
    )
