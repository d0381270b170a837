"""Files with more than one table: one rule, whatever the container."""

import io
import tarfile
import zipfile

import h5py
import numpy as np
import pytest
from astropy.io import fits, votable
from astropy.table import Table

from tests.support.loops import some
from xpmodel.errors import InputError
from xpmodel.tables.parts import product
from xpmodel.tables.reader import open_table, read_table


def stars(*ids, **more):
    n = len(ids)
    columns = {
        "source_id": np.array(ids),
        "bp_coefficients": np.repeat(np.array(ids, float)[:, None], 3, axis=1),
    }
    return Table(columns | {name: np.full(n, value) for name, value in more.items()})


def note(n=1):
    return Table({"note": ["x"] * n, "x": np.arange(n)})


def write_fits(path, *tables):
    hdus = [fits.BinTableHDU(table, name=f"T{i}") for i, table in enumerate(tables)]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)


def write_votable(path, *tables):
    whole = votable.from_table(tables[0])
    for table in tables[1:]:
        whole.resources.append(votable.from_table(table).resources[0])
    for resource in whole.resources:
        for table in resource.tables:
            table.format = "binary2"
    votable.writeto(whole, str(path))


def write_tabledata(path, *tables):
    whole = votable.from_table(tables[0])
    for table in tables[1:]:
        whole.resources[0].tables.append(votable.from_table(table).resources[0].tables[0])
    votable.writeto(whole, str(path))


def write_hdf5(path, *tables):
    with h5py.File(path, "w") as file:
        for i, table in enumerate(tables):
            file[f"t{i}"] = (
                table.as_array()
                if "note" not in table.colnames
                else np.array([(i, i) for i in range(len(table))], [("note", "i4"), ("x", "i4")])
            )


def members(*tables):
    for i, table in enumerate(tables):
        content = io.BytesIO()
        table.write(content, format="fits")
        yield f"XP-{i}.fits", content.getvalue()


def write_zip(path, *tables):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members(*tables):
            file.writestr(f"folder/{name}", content)


def write_tar(path, *tables):
    with tarfile.open(path, "w:gz") as file:
        for name, content in members(*tables):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))


CONTAINERS = {
    "fits": write_fits,
    "votable": write_votable,
    "tabledata": write_tabledata,
    "hdf5": write_hdf5,
    "zip": write_zip,
    "tar": write_tar,
}


@pytest.fixture(params=CONTAINERS)
def write(request, tmp_path):
    def write(*tables):
        CONTAINERS[request.param](tmp_path / "many", *tables)
        return tmp_path / "many"

    return write


def ids_of(path, rows=100):
    chunks = open_table(path).chunks(["source_id", "bp_coefficients"], rows)
    tables = some(table for table, _ in chunks)
    ids = [i for table in tables for i in table["source_id"].to_pylist()]
    vectors = [v for table in tables for v in table["bp_coefficients"].to_pylist()]
    assert vectors == [[float(i)] * 3 for i in ids]
    return ids


def test_tables_of_like_columns_are_read_as_one_in_the_order_of_the_file(write):
    path = write(stars(1, 2), stars(3), stars(4, 5, 6))
    assert ids_of(path) == [1, 2, 3, 4, 5, 6]
    assert open_table(path).remarks == []
    chunks = list(open_table(path).chunks(["source_id"], rows=4))
    assert [len(table) for table, _ in chunks] == [4, 2]
    fractions = [fraction for _, fraction in chunks]
    assert fractions == sorted(fractions) and fractions[-1] == 1


def test_the_order_and_case_of_columns_does_not_matter(write):
    other = stars(3)["bp_coefficients", "source_id"]
    other.rename_column("source_id", "SOURCE_ID")
    assert ids_of(write(stars(1, 2), other)) == [1, 2, 3]


def test_types_may_differ_from_table_to_table(write):
    other = stars(3)
    other["source_id"] = other["source_id"].astype(np.int32)
    other["bp_coefficients"] = other["bp_coefficients"].astype(np.float32)
    path = write(stars(1, 2), other, stars(4))
    assert sorted(ids_of(path)) == [1, 2, 3, 4]
    assert sorted(read_table(path)["source_id"].to_pylist()) == [1, 2, 3, 4]


@pytest.mark.parametrize("place", [0, 1])
def test_what_has_no_ids_is_counted_and_named(write, place):
    tables = [stars(1, 2), stars(3)]
    tables.insert(place, note(5))
    path = write(*tables)
    assert ids_of(path) == [1, 2, 3]
    (remark,) = open_table(path).remarks
    assert remark.startswith(f"{path}: ") and "not read" in remark and "(5 rows)" in remark
    assert "\n" not in remark


def test_coefficients_go_before_other_tables_with_ids(write):
    labels = Table({"source_id": [1, 2, 7], "teff": [4000.0, 5000.0, 6000.0]})
    path = write(labels, stars(1, 2))
    assert ids_of(path) == [1, 2]
    assert "(3 rows)" in open_table(path).remarks[0]


def test_two_tables_that_could_be_meant_are_both_named(write):
    with pytest.raises(InputError, match="which of its 2 tables is meant") as caught:
        open_table(write(stars(1, 2), stars(3, teff=4000.0)))
    assert "(2 rows: source_id" in str(caught.value) and "teff" in str(caught.value)


def test_an_empty_table_stands_in_nobodys_way(write):
    path = write(stars(1, teff=4000.0)[:0], stars(2, 3))
    assert ids_of(path) == [2, 3]


def test_no_ids_anywhere(write):
    with pytest.raises(InputError, match="none of its 2 tables has a column source_id"):
        open_table(write(note(), note()["x",]))


def test_one_table_alone_is_read_whatever_it_holds(write):
    assert open_table(write(note(3))).remarks == []


PRODUCTS = {
    "XP_SAMPLED": ("XP_SAMPLED-Gaia DR3 1.csv", ["wavelength", "flux", "flux_error"]),
    "RVS": ("RVS-Gaia DR3 1.csv", ["wavelength", "flux", "flux_error"]),
    "XP_SAMPLED or RVS": ("mine.csv", ["Wavelength", "flux", "flux_error"]),
    "MCMC_GSPPHOT": ("MCMC_GSPPHOT-Gaia DR3 1.csv", ["source_id", "teff", "log_pos", "log_lik"]),
    "MCMC": ("y.csv", ["source_id", "teff", "log_pos", "log_lik"]),
    "EPOCH_PHOTOMETRY": ("z.csv", ["source_id", "transit_id", "band", "time", "flux"]),
}


@pytest.mark.parametrize("kind", PRODUCTS)
def test_other_products_of_datalink_are_known(tmp_path, kind):
    name, columns = PRODUCTS[kind]
    assert product(name, columns) == kind
    (tmp_path / name).write_text(",".join(columns) + "\n" + ",".join("1" * len(columns)) + "\n")
    assert open_table(tmp_path / name).product == kind


def test_a_table_of_ones_own_is_no_product():
    assert product("RVS-Gaia DR3 1.csv", ["source_id", "teff"]) is None
    assert product("x.csv", ["source_id", "flux", "flux_error", "bp_coefficients"]) is None
    assert product("x.csv", ["source_id", "flux"]) is None


def test_a_zip_of_all_products_is_read_for_its_coefficients(tmp_path):
    path = tmp_path / "datalink.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name, columns in PRODUCTS.values():
            file.writestr(name, ",".join(columns) + "\n" + ",".join("1" * len(columns)) + "\n")
        file.writestr("XP_CONTINUOUS-Gaia DR3 1.csv", 'source_id,bp_coefficients\n1,"(1, 1, 1)"\n')
        file.writestr("XP_CONTINUOUS-Gaia DR3 2.csv", 'source_id,bp_coefficients\n2,"(2, 2, 2)"\n')
        file.writestr("readme.pdf", b"%PDF-1.7")
    assert read_table(path, ["source_id"])["source_id"].to_pylist() == ["1", "2"]
    remarks = " ".join(open_table(path).remarks)
    assert "RVS-Gaia DR3 1.csv" in remarks and "passed over 1 of 9 members: readme.pdf" in remarks


def test_the_case_files(shared):
    for path in some(sorted((shared / "cases" / "many_tables").iterdir())):
        assert len(read_table(path, ["source_id", "bp_coefficients"])) == 4
