import numpy as np
import pytest

from tests.support.tracks import catalog_of, star_columns
from xpmodel.catalog.named_cuts import cut_mask
from xpmodel.errors import InputError
from xpmodel.tracks.definitions import ALPHA_TRACKS, TRACKS, define

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
    ends = {"released": (0, 100), "paper": (0.5, 99.5), "controlled": (0.5, 99.5)}
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
    np.testing.assert_allclose(got[:, 0], [(-0.4, 0.03)] * 8)
    for variant in ("paper", "released"):
        wide = numbers(one("fixed_m_h", catalog, variant=variant))
        np.testing.assert_allclose(wide[:, 0], [(-0.4, 0.2)] * 8)
        np.testing.assert_array_equal(wide[:, 1], got[:, 1])
    np.testing.assert_allclose(got[:, 1, 0], np.arange(8) * 0.4 / 7)
    assert (got[:, 1, 1] == 0.05).all()
    assert (numbers(one("fixed_m_h", catalog, m_h=-1))[:, 0, 0] == -1).all()
    assert numbers(one("fixed_m_h", catalog, m_h=0.0))[0, 0, 0] == 0


def narrow(path, alpha, m_h=(-1.0, 0.3), n=400):
    """A catalog whose high-α sequence lies between some [α/M] and some [M/H]."""
    rng = np.random.default_rng(3)
    columns = {
        "m_h": np.linspace(*m_h, n),
        "alpha_m": rng.permutation(np.linspace(*alpha, n)),
        "fe_h": np.zeros(n),
        "mg_fe": np.full(n, 0.3),
        "z1": np.arange(n),
    }
    return catalog_of(path, columns)


@pytest.mark.parametrize("variant", ["paper", "controlled"])
@pytest.mark.parametrize("span", [0.05, 0.2, 0.39, 0.41, 0.59, 0.61, 0.9])
def test_a_grid_over_a_narrow_sequence_does_not_turn_round(tmp_path, span, variant):
    """Of the high sequence the lowest column lies below its middle, however narrow it is."""
    catalog = narrow(tmp_path / "stars.parquet", (0.1, 0.1 + span))
    definition = one("high_alpha", catalog, variant=variant)
    alpha = catalog["alpha_m"].astype(float)
    low, high = np.percentile(alpha, (0.5, 99.5))
    (column,) = set(numbers(definition)[:, 1, 0])
    assert low < column < (low + high) / 2
    assert column - low == pytest.approx(min(0.2, (high - low) / 3))
    assert (np.diff(numbers(definition)[:, 0, 0]) > 0).all()
    too_narrow = [note for note in definition.notes if "[α/M] spans" in note]
    assert len(too_narrow) == (high - low < 0.6)
    if too_narrow:
        assert f"spans {high - low:.2f} dex only, so its grid ends" in too_narrow[0]


def test_the_released_grid_turns_round_and_says_so(tmp_path):
    catalog = narrow(tmp_path / "stars.parquet", (0.1, 0.35))
    definition = one("high_alpha", catalog, variant="released")
    assert numbers(definition)[0, 1, 0] == pytest.approx(0.3)
    assert any("turned round: lowest is highest" in note for note in definition.notes)


def test_a_sequence_at_one_metallicity_is_no_track(tmp_path):
    catalog = narrow(tmp_path / "stars.parquet", (0.1, 0.4), m_h=(-0.5, -0.5))
    with pytest.raises(InputError, match=r"of 400 stars spans nothing in \[M/H\]: too narrow"):
        define("high_alpha", catalog)


def with_errors(columns):
    """The same stars with all that the cuts need: two thirds are pristine."""
    n = len(columns["teff"])
    poor = np.arange(n) % 3 == 0
    return columns | {
        "teff_err": np.where(poor, 100.0, 20.0),
        "logg_err": np.full(n, 0.05),
        "m_h_err": np.full(n, 0.02),
        "bp_rp": np.full(n, 1.0),
        "phot_g_mean_mag": np.full(n, 13.0),
        "starflag": np.zeros(n),
        "aspcapflag": np.zeros(n),
    }


def test_alpha_tracks_are_of_pristine_stars(columns, catalog, tmp_path):
    known = catalog_of(tmp_path / "stars.parquet", with_errors(columns))
    pristine = cut_mask(known, "pristine", "paper")
    assert 0 < pristine.sum() < len(known)
    for name in TRACKS:
        definition, *_ = define(name, known)
        assert definition.cut == ("pristine" if name in ALPHA_TRACKS else "full")
    for name in ALPHA_TRACKS:
        definition = one(name, known)
        np.testing.assert_array_equal(definition.stars(known), pristine)
        assert one(name, known, mask=pristine).bins == definition.bins
        without = one(name, catalog)
        assert without.cut == "full" and without.stars(catalog) is None
        assert "of all stars: no values in columns teff_err, logg_err" in without.notes[0]
    assert one("low_alpha", known).bins != one("low_alpha", catalog).bins


def test_no_pristine_star_of_a_sequence(columns, tmp_path):
    stars = with_errors(columns) | {"logg_err": np.full(len(columns["teff"]), 0.5)}
    catalog = catalog_of(tmp_path / "stars.parquet", stars)
    with pytest.raises(InputError, match="no pristine star chosen is of the High-α sequence"):
        define("high_alpha", catalog)


def test_gaia_enceladus(catalog):
    assert names(one("gaia_enceladus", catalog)) == {((), ("gaia_enceladus",))}
    released = one("gaia_enceladus", catalog, variant="released")
    assert names(released) == {((), ("gaia_enceladus_parallax",))}
    assert released.columns == ("lz", "jz", "jr", "parallax", "parallax_error")


def test_other_tracks_do_not_depend_on_the_variant(catalog):
    for name in ("main_sequence", "fixed_m_h", *FAMILIES):
        a, b = (define(name, catalog, variant=v) for v in ("paper", "released"))
        assert [d.bins for d in a] == [d.bins for d in b]
    for name in set(TRACKS) - {"fixed_m_h"}:
        a, b = (define(name, catalog, variant=v) for v in ("paper", "controlled"))
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
