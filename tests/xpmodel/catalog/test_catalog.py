"""Opening catalogs: good ones, foreign ones, damaged ones, and what is found in them."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.catalogs import FIRST_ID, N, rewrite, write_catalog
from tests.support.loops import some
from tests.support.models import random_model, random_spectra
from xpmodel.catalog.catalog import Catalog, left_out_path, open_catalog
from xpmodel.catalog.encode import encode_files
from xpmodel.catalog.spectra_store import spectra_path
from xpmodel.columns import catalog_schema
from xpmodel.errors import InputError


@pytest.fixture
def path(tmp_path) -> Path:
    return write_catalog(tmp_path / "stars.parquet")


@pytest.fixture(scope="module")
def encoded(tmp_path_factory) -> Catalog:
    """A catalog that `encode_files` made, with labels for half of its 300 stars."""
    folder = tmp_path_factory.mktemp("encoded")
    model = random_model()
    stars = random_spectra(model, 300)
    table = {"source_id": stars.source_id, "phot_g_mean_flux": stars.g_flux}
    for band, columns in (("bp", slice(0, 55)), ("rp", slice(55, 110))):
        table[f"{band}_coefficients"] = list(stars.coefficients[:, columns])
        table[f"{band}_coefficient_errors"] = list(stars.errors[:, columns])
    pq.write_table(pa.table(table), folder / "spectra.parquet")
    labels = {"source_id": stars.source_id[::2], "teff": np.full(150, 5000.0)}
    labels |= {"starflag": np.arange(150), "population": ["disc"] * 150}
    pq.write_table(pa.table(labels), folder / "labels.parquet")
    out = folder / "stars.parquet"
    encode_files(folder / "spectra.parquet", model, out, labels=folder / "labels.parquet")
    return open_catalog(out)


def test_what_encode_wrote(encoded):
    model = random_model()
    assert len(encoded) == 300 and encoded.n_latents == 3
    assert encoded.latents == ["z1", "z2", "z3"]
    assert encoded.model_hash == model.hash
    assert encoded.metadata["n_stars"] == 300
    assert encoded.columns == catalog_schema(3).names
    stars = random_spectra(model, 300)
    np.testing.assert_array_equal(encoded.source_id, stars.source_id)
    np.testing.assert_allclose(encoded["z2"], model.encode(stars)[0][:, 1], rtol=1e-4, atol=1e-5)


def test_the_kinds_of_the_columns(encoded):
    assert encoded["source_id"].dtype == np.int64
    assert encoded["z1"].dtype == encoded["teff"].dtype == np.float32
    assert encoded["ra"].dtype == np.float64
    assert encoded["starflag"].dtype == np.float64  # with missing values
    for name in ("teff", "starflag"):
        np.testing.assert_array_equal(np.isnan(encoded[name]), np.arange(300) % 2 == 1)
    assert encoded["starflag"][298] == 149
    assert encoded["population"].tolist()[:2] == ["disc", None]
    assert np.isnan(encoded["logg"]).all() and len(encoded["logg"]) == 300
    with pytest.raises(ValueError, match="read-only"):
        encoded["z1"][0] = 1
    assert encoded["z1"] is encoded["z1"]


def test_flags_without_missing_values_are_whole(path):
    write_catalog(path, starflag=2**60 + np.arange(N))
    values = open_catalog(path)["starflag"]
    assert values.dtype == np.int64 and values[1] == 2**60 + 1


def test_filled_and_numeric_columns(encoded):
    assert {"teff", "starflag", "population", "z1", "source_id"} <= set(encoded.filled)
    assert not {"logg", "j", "aspcapflag", "parallax"} & set(encoded.filled)
    numeric = encoded.numeric
    assert {"teff", "starflag", "z1", "z1_err", "ra", "chi2"} <= set(numeric)
    assert not {"source_id", "population", "logg"} & set(numeric)


def test_columns_of_text(path):
    """Text of every type that Arrow has for it, where some is there; nothing else."""

    def add(table: pa.Table) -> pa.Table:
        words = ["a", None] * (N // 2)
        for name, kind in (("plain", pa.string()), ("large", pa.large_string())):
            table = table.append_column(name, pa.array(words, kind))
        table = table.append_column("few", pa.array(words).dictionary_encode())
        table = table.append_column("none", pa.nulls(N, pa.string()))
        return table.append_column("yes", pa.array([True, None] * (N // 2)))

    catalog = open_catalog(rewrite(path, add))
    assert catalog.categorical == ["plain", "large", "few"]
    assert not {"plain", "large", "few", "none", "yes", "population"} & set(catalog.numeric)
    for name in some(catalog.categorical):
        assert catalog[name].tolist() == ["a", None] * (N // 2)


def test_columns_that_must_be_numbers(path):
    write_catalog(path, starflag=np.arange(N), population=["disc"] * N)
    catalog = open_catalog(path)
    for name in ("z1", "starflag", "source_id"):
        assert catalog.numbers(name) is catalog[name]
    with pytest.raises(InputError, match="stars.parquet: column 'population' holds no numbers"):
        catalog.numbers("population")
    with pytest.raises(InputError, match="no column 'mass'"):
        catalog.numbers("mass")


def test_a_column_in_one_of_several_row_groups_is_filled(path):
    teff = np.full(N, np.nan)
    teff[-1] = 5000
    write_catalog(path, teff=pa.array(teff, from_pandas=True, type=pa.float32()))
    pq.write_table(pq.read_table(path), path, row_group_size=100)
    assert {"teff"} == set(open_catalog(path).filled) & {"teff", "logg"}


def test_filled_columns_beside_nested_ones(path):
    """A user's own column of vectors, in front, does not shift what is known of the others."""
    struct = pa.array([{"a": 1.0, "b": None}] * N, pa.struct({"a": pa.float64(), "b": pa.int8()}))
    rewrite(path, lambda t: t.add_column(0, "own", struct))
    filled = open_catalog(path).filled
    assert {"source_id", "z1", "z4_err"} <= set(filled) and "teff" not in filled


def test_ids_are_exact(path):
    ids = open_catalog(path).source_id
    assert ids.dtype == np.int64
    assert ids.tolist() == [FIRST_ID + 2 * i for i in range(N)]
    assert open_catalog(path).table(["source_id"]).column(0).type == pa.int64()


def test_a_table_of_some_stars(encoded):
    mask = np.arange(300) % 7 == 0
    table = encoded.table(["teff", "source_id"], mask)
    assert table.column_names == ["teff", "source_id"]
    np.testing.assert_array_equal(table["source_id"], encoded.source_id[mask])
    assert encoded.table().column_names == encoded.filled
    assert encoded.table(mask=np.zeros(300, bool)).num_rows == 0
    for call in (lambda: encoded.table(["nothing"]), lambda: encoded["nothing"]):
        with pytest.raises(InputError, match="no column 'nothing'; it has source_id"):
            call()


def test_active_latents(path):
    prior = np.zeros(N), np.ones(N)
    write_catalog(path, z2=prior[0], z2_err=prior[1], z4=prior[0] + 0.1, z4_err=prior[1])
    catalog = open_catalog(path)
    mean, std = (np.stack([catalog[f"z{i}{e}"] for i in (1, 3)], 1) for e in ("", "_err"))
    wanted = (0.5 * (mean.astype(float) ** 2 + std**2 - 1) - np.log(std)).mean(0)
    np.testing.assert_allclose(catalog.kl, [wanted[0], 0, wanted[1], 0.005], rtol=1e-5)
    assert catalog.active == ["z1", "z3"]


def test_one_star_without_latents_does_not_hide_them(path):
    """A spectrum that overflows in the network has NaN latents: the others still count."""
    z = np.random.default_rng(3).normal(size=N)
    z[7] = np.nan
    err = np.full(N, 0.2)
    err[7] = np.inf
    write_catalog(path, z1=z, z1_err=err, z3=z)
    catalog = open_catalog(path)
    good = np.delete(z, 7)
    assert catalog.kl[0] == pytest.approx((0.5 * (good**2 + 0.04 - 1) - np.log(0.2)).mean())
    assert catalog.active == ["z1", "z2", "z3", "z4"]


def test_spans(path):
    values = np.arange(N, dtype=float)
    values[[0, 5]] = np.nan, np.inf
    write_catalog(path, teff=values)
    catalog = open_catalog(path)
    finite = values[np.isfinite(values)]
    assert catalog.span("teff") == pytest.approx(tuple(np.percentile(finite, [0.1, 99.9])))
    assert catalog.span("teff", 0, 100) == (1.0, N - 1.0)
    assert np.isnan(catalog.span("logg")).all()


def dwarfs_and_giants(seed: int = 1) -> dict[str, np.ndarray]:
    """Labels, and latents of which only z2 and z4 together tell dwarfs from giants.

    The line z2 + z4 = 0 separates them; neither does so alone, nor with another latent. z1 and
    z3 have the larger KL.
    """
    rng = np.random.default_rng(seed)
    giant = np.arange(N) % 3 == 0
    along, across = rng.normal(size=N) * 2, np.where(giant, 1, -1) * rng.uniform(0.2, 0.6, N)
    teff = rng.uniform(4000, 6000, N)
    columns = {"z2": across + along, "z4": across - along, "teff": teff}
    columns["logg"] = 5.9 - 0.4 * teff / 1000 + np.where(giant, -0.7, 0.7)
    for z in ("z1", "z3"):
        columns[z], columns[f"{z}_err"] = 5 * rng.normal(size=N), np.full(N, 0.001)
    return columns


def test_default_axes_separate_dwarfs_from_giants(path):
    columns = dwarfs_and_giants()
    columns["teff"][:100:7] = np.nan
    columns["logg"][:100:5] = np.nan
    assert open_catalog(write_catalog(path, **columns)).default_axes == ("z2", "z4")


def test_default_axes_without_labels(path):
    columns = dwarfs_and_giants()
    del columns["logg"]
    assert open_catalog(write_catalog(path, **columns)).default_axes == ("z1", "z3")
    swapped = {"z4_err": np.full(N, 1e-30), "z2_err": np.full(N, 1e-20)}
    assert open_catalog(write_catalog(path, **swapped)).default_axes == ("z2", "z4")


def test_default_axes_with_few_labels_or_one_kind_of_star(path):
    columns = dwarfs_and_giants()
    few = np.where(np.arange(N) < 20, columns["logg"], np.nan)  # 7 giants
    for logg in (few, np.full(N, 1.0), np.full(N, 5.0)):
        columns["logg"] = logg
        assert open_catalog(write_catalog(path, **columns)).default_axes == ("z1", "z3")


def test_default_axes_pass_over_inactive_latents(path):
    columns = dwarfs_and_giants()
    columns["z4_err"], columns["z4"] = np.ones(N), columns["z4"] * 1e-3  # separates, but inactive
    axes = open_catalog(write_catalog(path, **columns)).default_axes
    assert "z4" not in axes


def test_default_axes_with_a_star_that_has_no_latents(path):
    columns = dwarfs_and_giants()
    for z in ("z1", "z2", "z3", "z4"):
        columns[z][9] = np.nan
    columns["z1"][10] = np.inf
    assert open_catalog(write_catalog(path, **columns)).default_axes == ("z2", "z4")


@pytest.mark.parametrize("n_latents", [1, 2, 9])
def test_any_number_of_latents(tmp_path, n_latents):
    catalog = open_catalog(write_catalog(tmp_path / "a.parquet", n_latents=n_latents))
    assert catalog.n_latents == n_latents and len(catalog.kl) == n_latents
    x, y = catalog.default_axes
    assert {x, y} <= set(catalog.latents) and (x != y or n_latents == 1)


def test_default_axes_where_nothing_is_active(path):
    prior = {f"z{i}": np.zeros(N) for i in range(1, 5)}
    prior |= {f"z{i}_err": np.ones(N) for i in range(1, 5)}
    catalog = open_catalog(write_catalog(path, **prior))
    assert catalog.active == []
    assert len(set(catalog.default_axes)) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop_columns(["source_id"]), "column source_id is missing"),
        (lambda t: t.drop_columns(["z3_err"]), "column z3_err is missing"),
        (lambda t: t.drop_columns(["z2"]), "column z4 is missing|column z2 is missing"),
        (lambda t: t.select(["source_id", "teff"]), "no column z1; make a catalog with"),
        (
            lambda t: t.set_column(0, "source_id", t["source_id"].cast(pa.float64(), safe=False)),
            "source_id is double, expected int64",
        ),
        (
            lambda t: t.set_column(0, "source_id", t["source_id"].cast(pa.string())),
            "source_id is string, expected int64",
        ),
        (
            lambda t: t.set_column(1, "z1", pa.array(["a"] * N)),
            "column z1 is string, expected float32",
        ),
    ],
)
def test_catalogs_that_lack_something(path, change, message):
    with pytest.raises(InputError, match=message) as caught:
        open_catalog(rewrite(path, change))
    assert str(path) in str(caught.value)


def test_files_that_are_no_catalog(path):
    content = path.read_bytes()
    for bad in (b"", b"source_id,z1\n1,2\n", content[: len(content) // 2], content[:-4], b"PAR1"):
        path.write_bytes(bad)
        with pytest.raises(InputError, match="stars.parquet: "):
            open_catalog(path)
    with pytest.raises(InputError, match="none.parquet: cannot be read"):
        open_catalog(path.with_name("none.parquet"))
    with pytest.raises(InputError, match="a folder; give the catalog's Parquet file"):
        open_catalog(path.parent)


def test_a_catalog_damaged_in_the_middle(path):
    content = bytearray(path.read_bytes())
    content[100:2000] = bytes(1900)
    path.write_bytes(content)
    with pytest.raises(InputError, match="stars.parquet: .*damaged"):
        catalog = open_catalog(path)
        for name in catalog.columns:
            catalog[name]


@pytest.mark.parametrize("metadata", [b"{", b"[1]", b"\xff", b'{"model": null}', b'{"model": 3}'])
def test_a_catalog_with_broken_metadata(path, metadata):
    rewrite(path, lambda t: t.replace_schema_metadata({b"xpmodel": metadata}))
    try:
        catalog = open_catalog(path)
    except InputError as error:
        assert "metadata are not JSON" in str(error)
    else:
        assert catalog.model_hash is None and isinstance(catalog.metadata, dict)


def test_a_catalog_without_metadata(path):
    catalog = open_catalog(path)
    assert catalog.metadata == {} and catalog.model_hash is None


def test_names_of_the_files_beside_it():
    assert spectra_path("a/b.c.parquet") == Path("a/b.c.spectra.arrow")
    assert left_out_path("a/b.parquet") == Path("a/b.left_out.csv")


def test_spectra_of_stars_in_any_order(encoded):
    store = encoded.spectra
    wanted = random_spectra(random_model(), 300, dtype=np.float32)
    assert len(store) == 300
    for rows in ([5, 299, 0, 5], slice(290, None), np.arange(300) % 50 == 0, 17, -1, [], slice(0)):
        found, expected = store[rows], wanted[rows]
        np.testing.assert_array_equal(found.source_id, expected.source_id)
        np.testing.assert_array_equal(found.coefficients, expected.coefficients)
        np.testing.assert_array_equal(found.errors, expected.errors)
        np.testing.assert_allclose(found.g_flux, expected.g_flux, rtol=1e-7)
        assert found.coefficients.shape == (len(expected), 110) and found.g_flux.dtype == float
    np.testing.assert_array_equal(store[-1].source_id, store[[299]].source_id)
    for row in (300, -301):
        with pytest.raises(IndexError):
            store[row]


def test_spectra_over_several_batches(encoded, tmp_path):
    with pa.memory_map(str(spectra_path(encoded.path))) as file:
        table = pa.ipc.open_file(file).read_all()
        path = write_catalog(tmp_path / "a.parquet", 300, source_id=encoded.source_id)
        with pa.ipc.new_file(str(spectra_path(path)), table.schema) as writer:
            writer.write_table(table, max_chunksize=37)
    rows = np.random.default_rng(0).permutation(300)
    found, wanted = open_catalog(path).spectra[rows], encoded.spectra[rows]
    np.testing.assert_array_equal(found.source_id, wanted.source_id)
    np.testing.assert_array_equal(found.coefficients, wanted.coefficients)
    np.testing.assert_array_equal(found.errors, wanted.errors)


@pytest.mark.parametrize("change", [lambda i: i[::-1], lambda i: i + 1, lambda i: i[:299]])
def test_spectra_of_another_catalog(encoded, tmp_path, change):
    ids = change(encoded.source_id)
    path = write_catalog(tmp_path / "a.parquet", len(ids), source_id=ids)
    spectra_path(path).write_bytes(spectra_path(encoded.path).read_bytes())
    with pytest.raises(InputError, match="not the spectra of a.parquet"):
        _ = open_catalog(path).spectra


def test_spectra_that_cannot_be_read(encoded, path):
    beside = spectra_path(path)
    with pytest.raises(InputError, match="the catalog's spectra are not beside it"):
        _ = open_catalog(path).spectra
    content = spectra_path(encoded.path).read_bytes()
    for bad in (b"", b"ARROW1\0\0", content[:-100], content[: len(content) // 2], b"a" * 1000):
        beside.write_bytes(bad)
        with pytest.raises(InputError, match="stars.spectra.arrow: not a whole Arrow file"):
            _ = open_catalog(path).spectra


@pytest.mark.parametrize(
    "columns",
    [
        {"source_id": pa.array([1])},
        {"ids": pa.array([1])},
        {
            "source_id": pa.array([1]),
            "g_flux": pa.array([1.0], pa.float32()),
            "coefficients": pa.array([[1.0] * 55], pa.list_(pa.float32(), 55)),
            "errors": pa.array([[1.0] * 55], pa.list_(pa.float32(), 55)),
        },
    ],
)
def test_an_arrow_file_of_something_else(path, columns):
    write_catalog(path, 1, source_id=[1])
    table = pa.table(columns)
    with pa.ipc.new_file(str(spectra_path(path)), table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(InputError, match="stars.spectra.arrow: "):
        _ = open_catalog(path).spectra


def test_the_metadata_are_json(encoded):
    assert json.loads(json.dumps(encoded.metadata)) == encoded.metadata
    assert encoded.metadata["format"] == "xpmodel-catalog"
