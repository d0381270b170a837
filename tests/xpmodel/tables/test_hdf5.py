import gzip

import h5py
import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from tests.support.released import TABLE, released_rows, without, write_released
from xpmodel.errors import InputError
from xpmodel.spectra.label_tables import read_labels
from xpmodel.spectra.report import MISSING_BAND, NAN_COEFFICIENT, REPEATED
from xpmodel.spectra.spectra import iter_spectra, read_spectra
from xpmodel.tables import hdf5 as module
from xpmodel.tables.reader import open_table, read_table

N = 50
DTYPES = ["<f4", ">f4", "<f8", ">f8"]


@pytest.mark.parametrize("options", [{}, {"chunks": (7,), "compression": "gzip"}])
@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_come_back_in_chunks(tmp_path, dtype, options):
    rows = released_rows(N, dtype)
    table = open_table(write_released(tmp_path / "stars.h5", rows, **options))
    assert table.columns == list(rows.dtype.names)
    chunks = list(table.chunks(["ids", "coeffs", "teff", "STARFLAG"], 8))
    assert [len(chunk) for chunk, _ in chunks] == [8] * 6 + [2]
    assert [fraction for _, fraction in chunks] == [*(8 * i / N for i in range(1, 7)), 1.0]
    whole = read_table(table.path, ["ids", "coeffs", "teff", "STARFLAG"])
    np.testing.assert_array_equal(whole["ids"].to_numpy(), rows["ids"])
    np.testing.assert_array_equal(whole["STARFLAG"].to_numpy(), rows["STARFLAG"])
    np.testing.assert_array_equal(whole["teff"].to_numpy(), rows["TEFF"])
    vectors = whole["coeffs"].combine_chunks()
    assert vectors.type.list_size == 110
    np.testing.assert_array_equal(vectors.flatten().to_numpy().reshape(N, 110), rows["coeffs"])


def test_a_file_that_astropy_wrote(tmp_path):
    table = Table({"source_id": [1, 2, 3], "name": ["a", "b", "ü"], "v": np.eye(3)})
    table["teff"] = MaskedColumn([4000.0, 5000.0, 6000.0], mask=[False, True, False])
    table.write(tmp_path / "t.h5", path="stars", serialize_meta=True)
    read = read_table(tmp_path / "t.h5", ["source_id", "name", "teff", "v"])
    assert read["source_id"].to_pylist() == [1, 2, 3]
    assert read["teff"].to_pylist() == [4000.0, None, 6000.0]
    assert read["v"].to_pylist() == np.eye(3).tolist()


def test_the_only_table_of_a_file_is_found(tmp_path):
    rows = released_rows(3)
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["deep/inside"] = rows
        file["deep/image"] = np.zeros((3, 3))
    assert "coeff_errs" in open_table(tmp_path / "f.h5")


def test_tables_of_like_columns_are_read_as_one_and_each_once(tmp_path):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["a"] = released_rows(3)
        file["b"] = file["a"]  # another name of the same table
        file["c"] = released_rows(2, seed=1)
        file[TABLE] = released_rows(4, seed=2)
    ids = read_table(tmp_path / "f.h5", ["ids"])["ids"].to_pylist()
    tables = [released_rows(4, seed=2), released_rows(3), released_rows(2, seed=1)]
    assert ids == np.concatenate([rows["ids"] for rows in tables]).tolist()


def test_no_table(tmp_path):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file[TABLE] = np.zeros(5)
    with pytest.raises(InputError, match=r"f\.h5: no table in this HDF5 file"):
        open_table(tmp_path / "f.h5")


@pytest.mark.parametrize(
    "link", [h5py.ExternalLink("other.h5", f"/{TABLE}"), h5py.SoftLink("/elsewhere")]
)
def test_links_are_not_followed(tmp_path, link):
    write_released(tmp_path / "other.h5", released_rows(3))
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["elsewhere"] = h5py.ExternalLink("other.h5", f"/{TABLE}")
        file[TABLE] = link
    with pytest.raises(InputError, match="no table in this HDF5 file"):
        open_table(tmp_path / "f.h5")


def test_data_outside_the_file_are_refused(tmp_path):
    rows = released_rows(3)
    (tmp_path / "raw").write_bytes(rows.tobytes())
    with h5py.File(tmp_path / "f.h5", "w") as file:
        external = [(str(tmp_path / "raw"), 0, rows.nbytes)]
        file.create_dataset(TABLE, rows.shape, rows.dtype, external=external)
    with h5py.File(tmp_path / "v.h5", "w") as file:
        layout = h5py.VirtualLayout(rows.shape, rows.dtype)
        layout[:] = h5py.VirtualSource("other.h5", TABLE, rows.shape, rows.dtype)
        file.create_virtual_dataset(TABLE, layout)
    for name in ("f.h5", "v.h5"):
        with pytest.raises(InputError, match="its data lie in another file"):
            open_table(tmp_path / name)


@pytest.mark.parametrize("options", [{}, {"chunks": (7,), "compression": "gzip"}])
def test_a_file_that_is_cut_short(tmp_path, options):
    whole = write_released(tmp_path / "f.h5", released_rows(N), **options).read_bytes()
    for size in [8, 100, 1000, len(whole) // 2, len(whole) - 1]:
        path = tmp_path / "cut.h5"
        path.write_bytes(whole[:size])
        with pytest.raises(InputError) as caught:
            read_table(path, ["ids", "coeffs"])
        assert str(caught.value).startswith(f"{path}: cut short or damaged (")
        assert "\n" not in str(caught.value)


def test_damage_within(tmp_path):
    path = write_released(
        tmp_path / "f.h5", released_rows(N), chunks=(7,), compression="gzip", fletcher32=True
    )
    with h5py.File(path) as file:
        chunk = file[TABLE].id.get_chunk_info(3)
    damaged = bytearray(path.read_bytes())
    damaged[chunk.byte_offset + 50] ^= 0xFF
    path.write_bytes(damaged)
    with pytest.raises(InputError, match=r"f\.h5: cut short or damaged"):
        read_table(path, ["ids", "coeffs"])


def test_gzipped(tmp_path):
    path = write_released(tmp_path / "f.h5", released_rows(3))
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(InputError, match="a gzipped HDF5 file; unpack it with gunzip first"):
        open_table(path)


def test_chunks_too_large_to_unpack(tmp_path, monkeypatch):
    path = write_released(tmp_path / "f.h5", released_rows(N), chunks=(N,), compression="gzip")
    assert "ids" in open_table(path)
    monkeypatch.setattr(module, "CACHE", 1000)
    monkeypatch.setattr(module, "CHUNK_LIMIT", 10_000)
    with pytest.raises(InputError, match=r"f\.h5: stored in chunks of .*smaller ones"):
        open_table(path)


def test_no_rows(tmp_path):
    path = write_released(tmp_path / "f.h5", released_rows(0))
    with pytest.raises(InputError, match="no rows"):
        read_table(path)
    with pytest.raises(InputError, match="no rows at all"):
        read_spectra(path)


@pytest.mark.parametrize("dtype", DTYPES)
def test_spectra(tmp_path, dtype):
    rows = released_rows(N, dtype)
    spectra = read_spectra(write_released(tmp_path / "stars.h5", rows))
    np.testing.assert_array_equal(spectra.source_id, rows["ids"])
    np.testing.assert_array_equal(spectra.coefficients, rows["coeffs"])
    np.testing.assert_array_equal(spectra.errors, rows["coeff_errs"])
    np.testing.assert_array_equal(spectra.g_flux, rows["phot_g_mean_flux"])
    assert spectra.coefficients.dtype == np.dtype(dtype).newbyteorder("=")
    assert spectra.coefficients.dtype.isnative
    assert spectra.g_flux_source == "file"
    assert spectra.labels is None


def test_rows_that_cannot_be_used(tmp_path):
    rows = released_rows(N)
    rows["coeffs"][3, 60] = np.nan
    rows["coeffs"][5, 55:] = np.nan  # no RP
    rows["coeff_errs"][7, 0] = 0
    rows["phot_g_mean_flux"][9] = np.nan
    rows["ids"][11] = rows["ids"][10]
    report = read_spectra(write_released(tmp_path / "stars.h5", rows)).report
    assert report.left_out["row"].tolist() == [4, 6, 8, 10, 12]
    reasons = report.left_out["reason"].tolist()
    assert reasons[:2] == [NAN_COEFFICIENT, MISSING_BAND]
    assert reasons[2:] == ["bad coefficient error", "G flux not positive", REPEATED]
    assert report.left_out["source_id"][0] == str(rows["ids"][3])


def test_vectors_of_another_length(tmp_path):
    rows = released_rows(3)
    short = np.empty(3, [("ids", "i8"), ("coeffs", "f4", (109,)), ("coeff_errs", "f4", (110,))])
    for name in short.dtype.names:
        short[name] = rows[name][..., : short.dtype[name].shape[0]] if name != "ids" else rows[name]
    with pytest.raises(InputError, match="none of 3 rows is usable .3 wrong number"):
        read_spectra(write_released(tmp_path / "stars.h5", short))


@pytest.mark.parametrize("name", ["ids", "coeff_errs"])
def test_missing_columns(tmp_path, name):
    path = write_released(tmp_path / "stars.h5", without(released_rows(3), name))
    expected = "'source_id' .nor .* ids.; it has" if name == "ids" else f"'{name}'"
    with pytest.raises(InputError, match=f"stars.h5: no column {expected}"):
        next(iter_spectra(path))


def test_labels_stay_with_their_stars(tmp_path):
    rows = released_rows(N)
    rows["coeffs"][2] = np.nan
    rows["TEFF"][4], rows["TEFF"][5] = -9999, np.nan
    rows["STARFLAG"][6] = -9999
    path = write_released(tmp_path / "a.h5", rows)
    more = without(released_rows(5, "<f8", seed=1), "TEFF", "Lz", "GAIAEDR3_PHOT_BP_MEAN_MAG")
    other = write_released(tmp_path / "b.h5", more)
    spectra = read_spectra([path, other], labels=True)
    kept = np.delete(rows, 2)
    assert len(spectra.labels) == len(spectra) == N - 1 + 5
    for label, name in {
        "teff": "TEFF",
        "jz": "jz",
        "dec": "DEC",
        "aspcapflag": "ASPCAPFLAG",
    }.items():
        values = spectra.labels[label].to_numpy()[: N - 1]
        expected = np.where(kept[name] == -9999, np.nan, kept[name])
        np.testing.assert_array_equal(values, expected)
    color = kept["GAIAEDR3_PHOT_BP_MEAN_MAG"].astype(float) - kept["GAIAEDR3_PHOT_RP_MEAN_MAG"]
    np.testing.assert_array_equal(
        spectra.labels["bp_rp"].to_numpy()[: N - 1], color.astype(np.float32)
    )
    assert spectra.labels["starflag"].to_pylist()[5] is None
    assert spectra.labels["lz"].null_count == spectra.labels["bp_rp"].null_count == 5
    some = spectra[[7, 0, -1]]
    assert some.labels["jz"].to_pylist() == [
        pytest.approx(v) for v in (kept["jz"][7], kept["jz"][0], more["jz"][-1])
    ]


def test_a_table_of_labels(tmp_path):
    rows = released_rows(N)
    labels = read_labels(write_released(tmp_path / "stars.h5", rows)).lookup(rows["ids"])
    np.testing.assert_array_equal(labels["teff"].to_numpy(), rows["TEFF"])
    np.testing.assert_array_equal(labels["aspcapflag"].to_numpy(), rows["ASPCAPFLAG"])


def test_spectra_without_labels_beside_some_with_them(tmp_path):
    flat = without(released_rows(4, seed=2), *released_rows(1).dtype.names[4:])
    a = write_released(tmp_path / "a.h5", flat)
    b = write_released(tmp_path / "b.h5", released_rows(3))
    spectra = read_spectra([a, b], labels=True)
    assert spectra.labels["teff"].is_valid().to_pylist() == [False] * 4 + [True] * 3
    assert read_spectra(a, labels=True)[[0, 2]].labels is None
