import numpy as np
import pytest

from tests.support.tracks import catalog_of, star_columns
from xpmodel.errors import InputError
from xpmodel.tracks.definitions import TRACKS, define

FAMILIES = ("m_h_main_sequence", "m_h_giants")


@pytest.fixture(scope="module")
def columns():
    return star_columns()


@pytest.fixture(scope="module")
def catalog(columns, tmp_path_factory):
    return catalog_of(tmp_path_factory.mktemp("tracks") / "stars.parquet", columns)


def numbers(definition) -> np.ndarray:
    """Centres and half widths of all bins, (P, columns, 2)."""
    return np.array([[part[1:] for part in b.centre] for b in definition.bins])


def names(definition) -> set:
    return {(tuple(part[0] for part in b.centre), b.conditions) for b in definition.bins}


def one(name, catalog, **options):
    (definition,) = define(name, catalog, **options)
    return definition


def test_names_and_sizes(catalog):
    sizes = {name: [len(d.bins) for d in define(name, catalog)] for name in TRACKS}
    assert sizes == {
        "main_sequence": [15],
        "giant_branch": [20],
        "m_h_main_sequence": [8] * 9,
        "m_h_giants": [8] * 9,
        "high_alpha": [8],
        "low_alpha": [8],
        "fixed_m_h": [8],
        "gaia_enceladus": [1],
    }
    every = [d for name in TRACKS for d in define(name, catalog, variant="released")]
    assert len({d.name for d in every}) == len({d.title for d in every}) == len(every)
    assert {d.variant for d in every} == {"released"}
    assert {d.axes for d in every} == {("teff", "logg"), ("m_h", "alpha_m")}


def test_main_sequence(catalog):
    definition = one("main_sequence", catalog)
    assert names(definition) == {(("teff", "logg"), ())}
    got = numbers(definition)
    np.testing.assert_allclose(got[[0, 7, 14], 0, 0], [5000, 5650, 6300])
    np.testing.assert_allclose(got[[0, 7, 14], 1, 0], [4.6, 4.275, 3.95])
    assert (got[:, :, 1] == [10, 0.2]).all()


def test_giant_branch(catalog):
    paper, released = (
        numbers(one("giant_branch", catalog, variant=v)) for v in ("paper", "released")
    )
    np.testing.assert_allclose(paper[:, 1], released[:, 1])
    np.testing.assert_allclose(paper[[0, 19], 1, 0], [0, 3.65])
    np.testing.assert_allclose(paper[[0, 19], 0, 0], [3590, 5200])
    np.testing.assert_allclose(released[[0, 19], 0, 0], [3587.211, 5200])
    assert (paper[:, :, 1] == [100, 0.2]).all() and (released[:, :, 1] == [0.2, 0.2]).all()


@pytest.mark.parametrize(
    ("name", "low", "high", "condition"),
    [("m_h_main_sequence", 4400, 6400, "dwarf"), ("m_h_giants", 3200, 5200, "giant")],
)
def test_families(catalog, name, low, high, condition):
    family = define(name, catalog)
    fixed = [numbers(d)[:, 0] for d in family]
    np.testing.assert_allclose([f[0, 0] for f in fixed], np.arange(-6.5, 2, 1) / 3, atol=1e-12)
    for definition, values in zip(family, fixed, strict=True):
        assert names(definition) == {(("m_h", "teff"), (condition,))}
        assert (values[:, 0] == values[0, 0]).all() and (values[:, 1] == 0.2).all()
        teff = numbers(definition)[:, 1]
        np.testing.assert_allclose(teff[:, 0], [low + i * 2000 / 7 for i in range(8)])
        assert (teff[:, 1] == 100).all()
        assert definition.axes == ("teff", "logg")
    assert (family[0].name, family[-1].name) == (f"{name}_-2.17", f"{name}_+0.50")
    assert family[0].title.endswith("at [M/H] = −2.17")


def sequence(columns, name) -> np.ndarray:
    c = {key: values.astype(np.float32).astype(float) for key, values in columns.items()}
    x = c["fe_h"]
    split = 0.1754 * x**3 + 0.1119 * x**2 - 0.1253 * x + 0.1353
    inside = c["mg_fe"] > split if name == "high_alpha" else c["mg_fe"] <= split
    return inside & np.isfinite(c["m_h"]) & np.isfinite(c["alpha_m"])


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("name", ["high_alpha", "low_alpha"])
def test_alpha_columns(columns, catalog, name, masked):
    mask = np.arange(len(catalog)) % 3 == 0 if masked else None
    stars = sequence(columns, name) & (True if mask is None else mask)
    m_h, alpha = (columns[c][stars].astype(np.float32).astype(float) for c in ("m_h", "alpha_m"))
    ends = {"released": (0, 100), "paper": (0.5, 99.5)}
    for variant, percent in ends.items():
        definition = one(name, catalog, variant=variant, mask=mask)
        assert names(definition) == {(("m_h", "alpha_m"), (name,))}
        got = numbers(definition)
        low, high = np.percentile(m_h, percent)
        np.testing.assert_allclose(got[:, 0, 0], np.linspace(low + 0.2, high - 0.2, 8))
        low, high = np.percentile(alpha, percent)
        expected = low + 0.2 if name == "high_alpha" else high - 0.2
        np.testing.assert_allclose(got[:, 1, 0], expected)
        assert (got[:, :, 1] == [0.1, 0.2]).all()


def test_fixed_m_h(catalog):
    got = numbers(one("fixed_m_h", catalog))
    np.testing.assert_allclose(got[:, 0], [(-0.4, 0.2)] * 8)
    np.testing.assert_allclose(got[:, 1, 0], np.arange(8) * 0.4 / 7)
    assert (got[:, 1, 1] == 0.05).all()
    assert (numbers(one("fixed_m_h", catalog, m_h=-1))[:, 0, 0] == -1).all()
    assert numbers(one("fixed_m_h", catalog, m_h=0.0))[0, 0, 0] == 0


def test_gaia_enceladus(catalog):
    assert names(one("gaia_enceladus", catalog)) == {((), ("gaia_enceladus",))}
    released = one("gaia_enceladus", catalog, variant="released")
    assert names(released) == {((), ("gaia_enceladus_parallax",))}
    assert released.columns == ("lz", "jz", "jr", "parallax", "parallax_error")


def test_other_tracks_do_not_depend_on_the_variant(catalog):
    for name in ("main_sequence", "fixed_m_h", *FAMILIES):
        a, b = (define(name, catalog, variant=v) for v in ("paper", "released"))
        assert [d.bins for d in a] == [d.bins for d in b]


def test_mistakes(catalog):
    with pytest.raises(InputError, match="no track 'subgiants'; use one of main_sequence, "):
        define("subgiants", catalog)
    with pytest.raises(InputError, match="no variant 'mine' of the tracks; use one of paper"):
        define("fixed_m_h", catalog, variant="mine")
    with pytest.raises(InputError, match="the track giant_branch takes no"):
        define("giant_branch", catalog, m_h=-0.4)
    with pytest.raises(InputError, match="= inf of the track fixed_m_h: must be a finite"):
        define("fixed_m_h", catalog, m_h=np.inf)
    with pytest.raises(InputError, match="no star chosen is of the High-α sequence"):
        define("high_alpha", catalog, mask=np.zeros(len(catalog), bool))


def test_missing_columns_are_named(tmp_path):
    catalog = catalog_of(tmp_path / "stars.parquet", {"z1": [0.0, 1.0], "m_h": [0.0, -1.0]})
    for name, missing in {
        "giant_branch": "columns teff, logg",
        "m_h_giants": "columns teff, logg",
        "low_alpha": "columns fe_h, mg_fe, alpha_m",
        "fixed_m_h": "column alpha_m",
        "gaia_enceladus": "columns lz, jz, jr",
    }.items():
        with pytest.raises(InputError, match=f"no numbers in {missing}, and the track {name} "):
            define(name, catalog)
