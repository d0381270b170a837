import re
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from astropy.io import fits
from astropy.table import Table

from tests.support.archive import (
    BAD_ROWS,
    BANDS,
    WRITERS,
    N,
    archive_rows,
    text_rows,
    write_csv,
    write_datalink_csv,
    write_fits,
    write_flat_fits,
    write_parquet,
    write_varying_fits,
)
from xpmodel.errors import InputError
from xpmodel.spectra import report as why
from xpmodel.spectra.report import Report
from xpmodel.spectra.spectra import (
    NoUsableRows,
    Spectra,
    iter_spectra,
    join_spectra,
    read_spectra,
)
from xpmodel.spectra.used_ids import UsedIds


def both(rows, kind):
    return np.concatenate([rows[f"bp_{kind}"], rows[f"rp_{kind}"]], axis=1)


@pytest.mark.parametrize("layout", WRITERS)
def test_every_layout_gives_the_same_numbers(tmp_path, layout):
    rows = archive_rows()
    path = tmp_path / "spectra"
    WRITERS[layout](path, rows)
    spectra = read_spectra(path)
    assert len(spectra) == N
    assert spectra.source_id.dtype == np.int64
    assert spectra.coefficients.dtype == spectra.errors.dtype == np.float64
    np.testing.assert_array_equal(spectra.source_id, rows["source_id"])
    np.testing.assert_array_equal(spectra.coefficients, both(rows, "coefficients"))
    np.testing.assert_array_equal(spectra.errors, both(rows, "coefficient_errors"))
    expected = 10 ** (0.4 * (25.6873668671 - rows["phot_g_mean_mag"]))
    np.testing.assert_allclose(spectra.g_flux, expected, rtol=1e-13)
    assert spectra.g_flux_source == "file"
    assert spectra.correlations is None
    assert (spectra.report.n_read, spectra.report.counts) == (N, {})


@pytest.mark.parametrize("layout", [name for name in WRITERS if "flat" not in name])
def test_correlations(tmp_path, layout):
    rows = archive_rows()
    path = tmp_path / "spectra"
    WRITERS[layout](path, rows)
    matrices = read_spectra(path, correlations=True).correlations
    assert matrices.shape == (N, 2, 55, 55)
    np.testing.assert_array_equal(matrices, matrices.swapaxes(2, 3))
    np.testing.assert_array_equal(matrices[..., range(55), range(55)], 1)
    lower = np.tril_indices(55, k=-1)
    for band, name in enumerate(BANDS):
        triangles = rows[f"{name}_coefficient_correlations"]
        np.testing.assert_array_equal(matrices[:, band, lower[0], lower[1]], triangles)


def test_correlations_may_be_whole_or_missing(tmp_path):
    rows = archive_rows()
    write_datalink_csv(tmp_path / "triangles.csv", rows)
    expected = read_spectra(tmp_path / "triangles.csv", correlations=True).correlations
    columns = text_rows(rows)
    whole = text_rows({"bp": expected[:, 0].reshape(N, -1)})["bp"]
    columns["bp_coefficient_correlations"][1] = whole[1]
    nested = str(expected[2, 0].tolist())
    columns["bp_coefficient_correlations"][2] = nested
    columns["rp_coefficient_correlations"][3] = ""
    path = write_csv(tmp_path / "mixed.csv", columns)
    spectra = read_spectra(path, correlations=True)
    expected[3, 1] = np.nan
    np.testing.assert_array_equal(spectra.correlations, expected)


def test_single_precision_stays(tmp_path):
    rows = {k: v if k == "source_id" else v.astype("f4") for k, v in archive_rows().items()}
    for write in (write_fits, write_parquet, write_flat_fits):
        write(tmp_path / write.__name__, rows)
        spectra = read_spectra(tmp_path / write.__name__)
        assert spectra.coefficients.dtype == spectra.errors.dtype == np.float32
        np.testing.assert_array_equal(spectra.coefficients, both(rows, "coefficients"))
        assert spectra.g_flux.dtype == np.float64


@pytest.mark.parametrize(("spoil", "reason"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_is_left_out_and_the_rest_is_exact(tmp_path, spoil, reason):
    rows = archive_rows()
    columns = text_rows(rows)
    spoil(columns)
    path = write_csv(tmp_path / "spectra.csv", columns)
    spectra = read_spectra(path)
    good = np.arange(N) != 2
    np.testing.assert_array_equal(spectra.source_id, rows["source_id"][good])
    np.testing.assert_array_equal(spectra.coefficients, both(rows, "coefficients")[good])
    assert spectra.report.counts == {reason: 1}
    line = spectra.report.left_out.iloc[0]
    line["reason"] = line["reason"].partition(": ")[0]
    assert line.to_dict() == {
        "file": str(path),
        "row": 3,
        "source_id": columns["source_id"][2],
        "reason": reason,
    }
    assert str(spectra.report) == f"5 of 6 rows used, 1 left out\n  1: {reason}"


@pytest.mark.parametrize("write", [write_fits, write_varying_fits, write_flat_fits])
def test_a_missing_band_in_binary_tables(tmp_path, write):
    rows = archive_rows()
    rows["bp_coefficients"][1] = np.nan
    rows["rp_coefficients"][4, 7] = np.nan
    write(tmp_path / "spectra.fits", rows)
    report = read_spectra(tmp_path / "spectra.fits").report
    assert report.left_out[["row", "reason"]].values.tolist() == [
        [2, why.MISSING_BAND],
        [5, why.NAN_COEFFICIENT],
    ]


def test_nulls_and_odd_lengths_in_parquet(tmp_path):
    rows = archive_rows()
    columns = {k: v.tolist() for k, v in rows.items()}
    columns["bp_coefficients"][0] = None
    columns["rp_coefficients"][1] = []
    columns["rp_coefficients"][2] = [1.0, 2.0]
    columns["rp_coefficients"][3][5] = None
    columns["source_id"][4] = None
    pa.parquet.write_table(pa.table(columns), tmp_path / "spectra.parquet")
    spectra = read_spectra(tmp_path / "spectra.parquet")
    assert spectra.report.left_out["reason"].tolist() == [
        why.MISSING_BAND,
        why.MISSING_BAND,
        why.WRONG_NUMBER,
        why.NAN_COEFFICIENT,
        why.NOT_AN_ID,
    ]
    np.testing.assert_array_equal(spectra.coefficients, both(rows, "coefficients")[5:])


def test_ids_in_a_float_column_count_only_where_they_are_exact(tmp_path):
    rows = archive_rows()
    rows["source_id"] = np.array([1, 2.5, 2.0**53, 2.0**62, np.nan, 2.0**53 - 1])
    write_fits(tmp_path / "spectra.fits", rows)
    spectra = read_spectra(tmp_path / "spectra.fits")
    assert spectra.source_id.tolist() == [1, 2**53 - 1]
    assert spectra.report.counts == {why.NOT_AN_ID: 4}
    assert spectra.report.left_out["source_id"][0] == "2.5"


def test_the_first_usable_row_of_an_id_counts(tmp_path):
    first, second = archive_rows(seed=1), archive_rows(seed=2)
    first["source_id"][:] = [1, 2, 1, 3, 4, 2]
    first["bp_coefficients"][3] = np.nan
    second["source_id"][:] = [5, 3, 4, 6, 6, 7]
    write_datalink_csv(tmp_path / "a.csv", first)
    write_fits(tmp_path / "b.fits", second)
    spectra = read_spectra(tmp_path)
    assert spectra.source_id.tolist() == [1, 2, 4, 5, 3, 6, 7]
    np.testing.assert_array_equal(spectra.coefficients[4, :55], second["bp_coefficients"][1])
    assert spectra.report.counts == {why.REPEATED: 4, why.MISSING_BAND: 1}
    left_out = spectra.report.left_out
    assert [Path(file).name for file in left_out["file"]] == ["a.csv"] * 3 + ["b.fits"] * 2
    assert left_out["row"].tolist() == [3, 4, 6, 3, 5]


def test_ids_used_so_far():
    rng = np.random.default_rng(3)
    used, known = UsedIds(), set()
    for n in rng.integers(0, 200, 60):
        ids = rng.integers(0, 4000, n)
        new = used.add(ids)
        expected = [not (i in known or known.add(i)) for i in ids.tolist()]
        assert new.tolist() == expected
    assert sum(map(len, used.runs)) == len(known)
    assert len(used.runs) < 10


def test_the_g_flux_from_photometry(tmp_path):
    rows = archive_rows()
    del rows["phot_g_mean_mag"]
    write_fits(tmp_path / "spectra.fits", rows)
    ids = rows["source_id"]
    photometry = tmp_path / "photometry.csv"
    fluxes = [f"{ids[3]},30.5", f"{ids[0]},10.25", f"{ids[1]},-1", f"{ids[4]},null"]
    photometry.write_text("source_id,phot_g_mean_flux\n" + "\n".join(fluxes) + "\n")
    spectra = read_spectra(tmp_path / "spectra.fits", photometry=photometry)
    assert spectra.source_id.tolist() == [ids[0], ids[3]]
    assert spectra.g_flux.tolist() == [10.25, 30.5]
    assert spectra.g_flux_source == "photometry"
    assert spectra.report.counts == {why.NO_MATCH: 2, why.BAD_FLUX: 2}


def test_the_g_flux_in_the_file_counts_first(tmp_path):
    rows = archive_rows() | {"PHOT_G_MEAN_FLUX": np.arange(N) + 1.0}
    write_fits(tmp_path / "spectra.fits", rows)
    photometry = tmp_path / "photometry.csv"
    photometry.write_text("source_id,phot_g_mean_flux\n1,2\n")
    spectra = read_spectra(tmp_path / "spectra.fits", photometry=photometry)
    assert spectra.g_flux.tolist() == [1, 2, 3, 4, 5, 6]
    assert spectra.g_flux_source == "file"


def test_the_g_flux_is_else_synthetic(tmp_path):
    rows = archive_rows()
    del rows["phot_g_mean_mag"]
    rows["bp_coefficients"][1, 0] = rows["rp_coefficients"][1, 0] = -1e6
    rows["bp_coefficients"][0, 0] = rows["rp_coefficients"][0, 0] = 1e6
    write_fits(tmp_path / "spectra.fits", rows)
    spectra = read_spectra(tmp_path / "spectra.fits")
    assert spectra.g_flux_source == "synthetic"
    assert rows["source_id"][0] in spectra.source_id
    assert (spectra.g_flux > 0).all()
    assert 2 in spectra.report.left_out["row"].tolist()
    assert set(spectra.report.counts) == {why.BAD_FLUX}


@pytest.mark.parametrize("layout", ["bulk file", "fits", "parquet", "votable"])
def test_chunks(tmp_path, layout):
    for i in range(3):
        WRITERS[layout](tmp_path / f"{i}.csv", archive_rows(seed=i))
    chunks = list(iter_spectra(tmp_path, chunk_rows=4))
    assert [len(chunk) for chunk, _ in chunks] == [4, 2] * 3
    fractions = [fraction for _, fraction in chunks]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    whole = read_spectra(str(tmp_path / "*.csv"))
    np.testing.assert_array_equal(np.concatenate([c.errors for c, _ in chunks]), whole.errors)
    assert sum((chunk.report for chunk, _ in chunks), Report()).n_read == whole.report.n_read == 18


def test_rows_are_counted_from_the_start_of_each_file(tmp_path):
    rows = archive_rows()
    rows["bp_coefficients"][5, 5] = np.nan
    for name in ("a.fits", "b.fits"):
        write_fits(tmp_path / name, rows | {"source_id": np.arange(N) + ord(name[0]) * N})
    reports = [chunk.report for chunk, _ in iter_spectra(tmp_path, chunk_rows=2)]
    assert Report.total(reports).left_out["row"].tolist() == [6, 6]


def test_selecting_stars(tmp_path):
    write_datalink_csv(tmp_path / "spectra.csv", archive_rows())
    spectra = read_spectra(tmp_path / "spectra.csv", correlations=True)
    for rows in (
        spectra.source_id > np.median(spectra.source_id),
        [4, 1],
        slice(2),
        3,
        np.int64(3),
    ):
        chosen = spectra[rows]
        assert isinstance(chosen, Spectra)
        assert len(chosen) == np.size(np.arange(N)[rows])
        np.testing.assert_array_equal(chosen.source_id, np.atleast_1d(spectra.source_id[rows]))
        np.testing.assert_array_equal(
            chosen.coefficients, np.atleast_2d(spectra.coefficients[rows])
        )
        assert chosen.correlations.shape == (len(chosen), 2, 55, 55)
    with pytest.raises(IndexError):
        spectra[N]


@pytest.mark.parametrize("column", ["source_id", "bp_coefficients", "rp_coefficient_errors"])
def test_a_missing_column_is_named(tmp_path, column):
    rows = archive_rows()
    del rows[column]
    write_datalink_csv(tmp_path / "spectra.csv", rows)
    with pytest.raises(InputError, match=f"spectra.csv: no column '{column}'"):
        read_spectra(tmp_path / "spectra.csv")


def test_missing_correlations_are_an_error_where_they_are_asked_for(tmp_path):
    write_flat_fits(tmp_path / "spectra.fits", archive_rows())
    with pytest.raises(InputError, match="no column 'bp_coefficient_correlations'"):
        read_spectra(tmp_path / "spectra.fits", correlations=True)


def test_correlations_of_the_files_that_have_them(tmp_path):
    rows = archive_rows()
    write_fits(tmp_path / "a.fits", rows)
    write_flat_fits(tmp_path / "b.fits", rows | {"source_id": np.arange(N)})
    alone = read_spectra(tmp_path / "a.fits", correlations=True)
    both = read_spectra(tmp_path, correlations=None)
    np.testing.assert_array_equal(both.correlations[:N], alone.correlations)
    assert np.isnan(both.correlations[N:]).all()
    assert read_spectra(tmp_path / "b.fits", correlations=None).correlations is None


def test_joining_parts(tmp_path):
    rows = archive_rows()
    write_fits(tmp_path / "a.fits", rows | {"teff": np.arange(N) + 4000.0})
    whole = read_spectra(tmp_path / "a.fits", correlations=True, labels=True)
    parts = [whole[:2], read_spectra(tmp_path / "a.fits")[2:]]
    joined = join_spectra(parts)
    np.testing.assert_array_equal(joined.coefficients, whole.coefficients)
    assert np.isnan(joined.correlations[2:]).all()
    assert joined.labels["teff"].to_pylist() == [4000.0, 4001.0, *[None] * 4]
    assert joined.g_flux_source == "file"
    assert joined.report.n_read == 2 * N


def test_a_column_of_the_wrong_kind(tmp_path):
    rows = archive_rows()
    rows["phot_g_mean_mag"] = np.ones((N, 3))
    write_parquet(tmp_path / "spectra.parquet", rows)
    with pytest.raises(InputError, match=r"a column holds .* the wrong kind \(phot_g_mean_mag: "):
        read_spectra(tmp_path / "spectra.parquet")


def test_no_usable_row_is_an_error(tmp_path):
    rows = archive_rows()
    rows["bp_coefficients"][:4] = np.nan
    rows["rp_coefficients"][4:, 3] = np.inf
    write_fits(tmp_path / "spectra.fits", rows)
    message = r"none of 6 rows is usable \(4 missing band, 2 NaN coefficient\)"
    with pytest.raises(NoUsableRows, match=message):
        read_spectra(tmp_path / "spectra.fits")
    write_csv(tmp_path / "header.csv", {name: [] for name in rows})
    with pytest.raises(InputError, match=r"none of 0 rows is usable \(no rows at all\)"):
        read_spectra(tmp_path / "header.csv")


def test_a_cut_file_is_an_error(tmp_path):
    path = tmp_path / "spectra.csv"
    write_datalink_csv(path, archive_rows())
    content = path.read_text()
    path.write_text(content[: len(content) - 40])
    with pytest.raises(InputError, match="spectra.csv: cut short or damaged"):
        read_spectra(path)


def test_real_archive_rows_equal_gaiaxpy(shared):
    path = shared / "real_xp" / "XP_CONTINUOUS_RAW.csv"
    spectra = read_spectra(path, correlations=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from gaiaxpy.file_parser.parse_internal_continuous import InternalContinuousParser

        theirs, _ = InternalContinuousParser().parse_file(path, disable_info=True)
    np.testing.assert_array_equal(spectra.source_id, theirs["source_id"].astype("int64"))
    for band, name in enumerate(BANDS):
        half = slice(55 * band, 55 * (band + 1))
        for kind, ours in (("coefficients", spectra.coefficients), ("errors", spectra.errors)):
            column = f"{name}_coefficient_errors" if kind == "errors" else f"{name}_coefficients"
            np.testing.assert_array_equal(ours[:, half], np.stack(theirs[column]))
        expected = np.stack(theirs[f"{name}_coefficient_correlations"])
        np.testing.assert_allclose(spectra.correlations[:, band], expected, rtol=1e-15)


def test_a_real_file_with_a_missing_band(shared):
    report = read_spectra(shared / "real_xp" / "XP_CONTINUOUS_RAW_with_missing_BP.csv").report
    assert report.n_read == 3
    line = report.left_out[["row", "source_id", "reason"]].values.tolist()
    assert line == [[2, "5405570973190252288", why.MISSING_BAND]]


def test_real_files_in_every_layout(shared):
    folder = shared / "real_xp"
    sun_like = read_spectra(folder / "18Sco-XP-spectra.csv", correlations=True)
    assert (len(sun_like), sun_like.g_flux_source) == (1, "file")
    assert np.isfinite(sun_like.correlations).all()
    assert len(read_spectra(folder / "xp_continuous_4_with_correlations.vot")) == 4
    assert len(read_spectra(folder / "per_source" / "symbiotic")) == 10
    assert len(read_spectra(str(folder / "per_source" / "*" / "*.csv"))) == 20
    stars = read_spectra(
        folder / "xp_continuous_1400.fits", photometry=folder / "photometry_1400.csv"
    )
    assert (len(stars), stars.g_flux_source) == (1400, "photometry")
    assert stars.coefficients.dtype == np.float32
    assert not len(stars.report.left_out)


@pytest.mark.parametrize(
    ("id_columns", "kept"),
    [
        ({"GAIAEDR3_SOURCE_ID": range(1, 7), "source_id": range(11, 17)}, range(1, 7)),
        ({"Source": range(1, 7)}, range(1, 7)),
        ({"designation": [f"Gaia DR3 {i}" for i in range(1, 7)]}, range(1, 7)),
    ],
    ids=["dr3 first", "VizieR", "designation"],
)
def test_ids_of_spectra_by_other_names(tmp_path, id_columns, kept):
    rows = text_rows(archive_rows())
    del rows["source_id"]
    ids = {name: list(map(str, values)) for name, values in id_columns.items()}
    spectra = read_spectra(write_csv(tmp_path / "spectra.csv", ids | rows))
    assert spectra.source_id.tolist() == list(kept)


def test_ids_of_dr2_are_refused(tmp_path):
    rows = text_rows(archive_rows())
    rows = {"dr2_source_id": rows.pop("source_id")} | rows
    with pytest.raises(InputError, match="spectra.csv: no Gaia DR3 identifiers: .*dr2_source_id"):
        read_spectra(write_csv(tmp_path / "spectra.csv", rows))


def rewritten(text: str, how: str) -> str:
    """An archive's list of numbers as another program writes it."""
    numbers = text.strip("()").split(", ")
    return {
        "numpy": "[" + " ".join(numbers) + "]",
        "numpy 2": "[" + ", ".join(f"np.float64({n})" for n in numbers) + "]",
        "array": "array([" + ", ".join(numbers) + "], dtype=float64)",
        "postgres": "{" + ",".join(numbers) + "}",
        "blanks": " ".join(numbers),
        "semicolons": ";".join(numbers),
    }[how]


@pytest.mark.parametrize(
    "how", ["numpy", "numpy 2", "array", "postgres", "blanks", "semicolons", "mixed"]
)
def test_vectors_in_any_program_s_spelling(tmp_path, how):
    rows = archive_rows()
    columns = text_rows(rows)
    spellings = ["numpy", "numpy 2", "array", "postgres", "blanks", "semicolons"]
    for name in columns:
        if name.startswith(BANDS):
            columns[name] = [
                rewritten(text, spellings[i] if how == "mixed" else how)
                for i, text in enumerate(columns[name])
            ]
    spectra = read_spectra(write_csv(tmp_path / "spectra.csv", columns), correlations=True)
    np.testing.assert_array_equal(spectra.coefficients, both(rows, "coefficients"))
    np.testing.assert_array_equal(spectra.errors, both(rows, "coefficient_errors"))
    assert np.isfinite(spectra.correlations).all()


@pytest.mark.parametrize(
    ("column", "cell", "reason", "detail"),
    [
        ("bp_coefficients", "[1.0 2.0 ... 9.0]", why.NOT_NUMBERS, "has a gap"),
        ("rp_coefficient_errors", "[1.0, …, 9.0]", why.NOT_NUMBERS, "has a gap"),
        ("rp_coefficients", "1,5;2,5", why.NOT_NUMBERS, "is no list of numbers"),
        ("bp_coefficients", "<memory at 0x7f>", why.NOT_NUMBERS, "is no list of numbers"),
        ("bp_coefficient_correlations", "[0.1 ... 0.2]", why.BAD_CORRELATIONS, "has a gap"),
        ("rp_coefficient_correlations", "[0.1, 0.2]", why.BAD_CORRELATIONS, "has 2 numbers"),
        ("phot_g_mean_mag", "12,5", why.BAD_FLUX, "'12,5'"),
    ],
)
def test_what_cannot_be_read_is_quoted_with_its_row(tmp_path, column, cell, reason, detail):
    columns = text_rows(archive_rows())
    columns[column][2] = cell
    path = write_csv(tmp_path / "spectra.csv", columns)
    spectra = read_spectra(path, correlations=True)
    assert len(spectra) == N - 1
    assert spectra.report.counts == {reason: 1}
    line = spectra.report.left_out.iloc[0]
    assert (line["file"], line["row"]) == (str(path), 3)
    assert line["reason"].startswith(f"{reason}: {column} ") and detail in line["reason"]
    assert spectra.report.examples[reason].startswith(f"spectra.csv, row 3: {column} ")


def test_the_first_row_of_each_reason_is_told_where_no_row_is_usable(tmp_path):
    columns = text_rows(archive_rows())
    columns["source_id"] = ["4.1e18"] * 3 + columns["source_id"][3:]
    columns["bp_coefficients"] = ["[4.8e+03 ... 1.0]"] * N
    with pytest.raises(NoUsableRows) as error:
        read_spectra(write_csv(tmp_path / "spectra.csv", columns))
    message = str(error.value)
    assert "none of 6 rows is usable (3 source_id not an integer, 3 no list of numbers)" in message
    assert "row 1: source_id '4.1e18'" in message
    assert "row 4: bp_coefficients '[4.8e+03 ... 1.0]' has a gap" in message


def test_the_g_flux_falls_back_row_by_row(tmp_path):
    """Flux, then magnitude, then the table's flux, then its magnitude."""
    rows = text_rows(archive_rows())
    rows["source_id"] = list(map(str, range(1, 7)))
    rows["phot_g_mean_flux"] = ["7.5", "", "-1", "", "-9999", "0"]
    rows["phot_g_mean_mag"] = ["10", "25.6873668671", " 99.999 ", "", "1e20", "NaN"]
    path = write_csv(tmp_path / "spectra.csv", rows)
    assert read_spectra(path).source_id.tolist() == [1, 2]
    photometry = tmp_path / "photometry.csv"
    photometry.write_text(
        "DR3Name,phot_g_mean_flux,phot_g_mean_mag\nGaia DR3 3,3.5,\nGaia DR3 4,,25.6873668671\n"
        "Gaia DR3 1,99,99\nGaia DR3 5,-1,\n"
    )
    spectra = read_spectra(path, photometry=photometry)
    assert spectra.source_id.tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(spectra.g_flux, [7.5, 1, 3.5, 1])
    assert spectra.g_flux_source == "file + photometry"
    assert spectra.report.g_flux == {why.FROM_FILE: 2, why.FROM_PHOTOMETRY: 2}
    assert spectra.report.counts == {why.BAD_FLUX: 2}
    assert "G flux of 2: photometry" in str(spectra.report)


def test_files_of_one_star_each_come_together(tmp_path):
    n = 23
    rows = archive_rows(n)
    for i in range(n):
        columns = {name: values[i : i + 1] for name, values in rows.items()}
        if i == 4:
            columns["bp_coefficients"] = columns["bp_coefficients"] * np.nan
        write_datalink_csv(tmp_path / f"{i:02}.csv", columns)
    chunks = list(iter_spectra(tmp_path, chunk_rows=10))
    assert [chunk.report.n_read for chunk, _ in chunks] == [10, 10, 3]
    assert [len(chunk) for chunk, _ in chunks] == [9, 10, 3]
    assert chunks[-1][1] == pytest.approx(1)
    whole = join_spectra([chunk for chunk, _ in chunks])
    good = np.arange(n) != 4
    np.testing.assert_array_equal(whole.source_id, rows["source_id"][good])
    np.testing.assert_array_equal(whole.coefficients, both(rows, "coefficients")[good])
    line = whole.report.left_out.iloc[0]
    assert (Path(line["file"]).name, line["row"]) == ("04.csv", 1)


def two_tables(path, rows):
    """Spectra, and a table of something else that is not read."""
    notes = Table({"source_id": [1], "note": ["odd"]})
    hdus = [fits.table_to_hdu(Table(rows)), fits.table_to_hdu(notes)]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)


@pytest.mark.parametrize("chunk_rows", [4, N, 100])
def test_what_is_not_read_of_a_file_is_told(tmp_path, chunk_rows):
    for i in range(2):
        two_tables(tmp_path / f"{i}.fits", archive_rows(seed=i))
    chunks = [chunk for chunk, _ in iter_spectra(tmp_path, chunk_rows=chunk_rows)]
    report = Report.total(chunk.report for chunk in chunks)
    assert sum(map(len, chunks)) == report.n_used == 2 * N
    assert [remark.partition(":")[0] for remark in report.remarks] == [
        str(tmp_path / "0.fits"),
        str(tmp_path / "1.fits"),
    ]
    assert all("not read" in remark for remark in report.remarks)
    assert "not read" in str(report)


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("teff", "hot", r"2.csv: column teff cannot be read as float \(row 1: 'hot' is no number"),
        ("source_id", "9", r"2.csv: row 1 has two identifiers, 9 in 'source_id' and 3 in"),
        ("bp_coefficients", "[1 ... 2]", r"2.csv, row 1: bp_coefficients '\[1 ... 2\]' has a gap"),
    ],
)
def test_what_is_wrong_in_one_of_many_small_files_names_it(tmp_path, column, cell, message):
    rows = archive_rows(5) | {"source_id": np.arange(1, 6), "gaia_source_id": np.arange(1, 6)}
    for i in range(5):
        one = {name: values[i : i + 1] for name, values in rows.items()}
        columns = text_rows(one | {"teff": np.array([5000.0])})
        if i == 2:
            columns[column] = [cell]
        write_csv(tmp_path / f"{i}.csv", columns)
    if column == "bp_coefficients":
        found = "; ".join(read_spectra(tmp_path, labels=True).report.examples.values())
    else:
        with pytest.raises(InputError) as error:
            read_spectra(tmp_path, labels=True)
        found = str(error.value)
    assert re.search(message, found)


def test_files_of_different_layouts_come_together(tmp_path):
    rows = archive_rows(8)
    for i in range(8):
        one = {name: values[i : i + 1] for name, values in rows.items()}
        (write_fits if i % 2 else write_datalink_csv)(tmp_path / f"{i}.x", one)
    chunks = [chunk for chunk, _ in iter_spectra(str(tmp_path / "*.x"), chunk_rows=5)]
    assert [len(chunk) for chunk in chunks] == [5, 3]
    ids = np.concatenate([chunk.source_id for chunk in chunks])
    np.testing.assert_array_equal(ids, rows["source_id"])
