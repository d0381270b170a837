import numpy as np
import pytest
from astropy.table import Table

from tests.support import commands
from tests.support.loops import some
from tests.support.tracks import catalog_of, star_columns
from xpmodel import open_catalog
from xpmodel.tracks.definitions import ALPHA_TRACKS, TRACKS
from xpmodel.tracks.latent_threshold import label_splits
from xpmodel.tracks.measured import measure_all


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    columns = star_columns()
    rng = np.random.default_rng(1)
    n = len(columns["teff"])
    columns |= {
        # A quarter is pristine.
        "teff_err": np.where(np.arange(n) % 4, rng.uniform(20, 400, n), 20),
        "logg_err": np.where(np.arange(n) % 4, rng.uniform(0.02, 0.6, n), 0.05),
        "m_h_err": np.where(np.arange(n) % 4, rng.uniform(0.02, 0.3, n), 0.02),
        "bp_rp": rng.uniform(0.5, 3, n),
        "phot_g_mean_mag": rng.uniform(9, 17, n),
        "starflag": np.zeros(n),
        "aspcapflag": np.zeros(n),
    }
    return catalog_of(tmp_path_factory.mktemp("cli") / "stars.parquet", columns)


def run(*arguments, status: int = 0):
    return commands.run("tracks", *arguments, status=status)


def fails(*arguments) -> str:
    """The one line of a mistake."""
    result = run(*arguments, status=2)
    assert result.stdout == ""
    assert result.stderr.startswith("xpmodel: ") and result.stderr.count("\n") == 1
    return result.stderr


def test_tables(catalog, tmp_path):
    result = run(catalog.path, "--out", tmp_path / "out", "--no-figures")
    measured = measure_all(catalog)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    judged = ["gaia_enceladus_test", "splits"]
    assert names == sorted(f"{name}.ecsv" for name in [*TRACKS, *judged])
    for name, tracks in some(measured.tracks.items()):
        table = Table.read(tmp_path / "out" / f"{name}.ecsv", format="ascii.ecsv")
        assert (table.meta["variant"], table.meta["catalog"]) == ("controlled", "stars.parquet")
        assert table.meta["cut"] == ("pristine" if name in ALPHA_TRACKS else "full")
        assert (f"{name}: of the pristine stars\n" in result.stdout) == (name in ALPHA_TRACKS)
        assert str(table["teff_mean"].unit) == "K"
        for column in ("n", "thin"):
            expected = np.concatenate([getattr(track, column) for track in tracks])
            np.testing.assert_array_equal(table[column], expected)
        for column in ("teff", "mg_fe", "z3"):
            for part in ("mean", "std"):
                expected = np.concatenate([getattr(track, part)[column] for track in tracks])
                np.testing.assert_array_equal(table[f"{column}_{part}"], expected)
        n = np.concatenate([track.n for track in tracks])
        row = f"{name:18s} {len(n):6d} {(n < 10).sum():6d} {n.sum():9d}\n"
        assert row in result.stdout
    assert "m_h_centre" in Table.read(tmp_path / "out" / "m_h_giants.ecsv").colnames
    assert f"{tmp_path / 'out'}: tables of 6000 of 6000 stars (full, but" in result.stdout


def test_splits_are_said(catalog, tmp_path):
    split = label_splits(catalog)["giant"]
    result = run(catalog.path, "--out", tmp_path, "--no-figures")
    line = f"giants against dwarfs: z3 < {split.threshold:.3f} is right for {split.accuracy:.1%} of"
    assert line in result.stdout
    assert "high-α against low-α: z" in result.stdout


def test_baselines_and_nulls_are_said(catalog, tmp_path):
    """Color and [M/H] beside a split, the drift of a track, Gaia-Enceladus against its equals."""
    few = run(catalog.path, "--out", tmp_path, "--no-figures").stdout
    assert "fixed_m_h: fewer than two points that are not thin, so no drift" in few
    said = run(catalog.path, "--out", tmp_path, "--no-figures", "--thin", "1").stdout
    assert "\n  BP − RP " in said and " of held-out stars; the latents less this: +" in said
    assert "  not by j_k: " in said
    assert "fixed_m_h: along it drift Teff by " in said and "[M/H] by 0.0" in said
    assert "whatever their [α/M], " in said
    assert "m_h_giants: along a track [M/H] drifts by up to 0." in said
    assert "gaia_enceladus against others of equal [M/H]: " in said and ", p = " in said
    assert "gaia_enceladus against its equals: " in said and "no numbers in sfd_ebv" in said
    table = Table.read(tmp_path / "splits.ecsv")
    assert set(table["sought"]) == {"latents", "bp_rp", "m_h"}
    assert set(table["division"]) == {"giant", "high_alpha"}
    test = Table.read(tmp_path / "gaia_enceladus_test.ecsv")
    assert test["matched"][0] == "m_h" and 0 < test["p"][0] <= 1
    one_cut = run(catalog.path, "--out", tmp_path, "--no-figures", "--cut", "full").stdout
    assert "of the pristine stars" not in one_cut and "6000 stars (full)\n" in one_cut
    assert Table.read(tmp_path / "low_alpha.ecsv").meta["cut"] == "full"


def test_options(catalog, tmp_path):
    options = ("--variant", "released", "--cut", "good", "--m-h", "-1", "--thin", "40")
    result = run(catalog.path, "--out", tmp_path, "--no-figures", *options)
    table = Table.read(tmp_path / "fixed_m_h.ecsv")
    assert set(table["m_h_centre"]) == {-1}
    assert table["thin"].tolist() == (table["n"] < 40).tolist()
    assert (table.meta["variant"], table.meta["cut"]) == ("released", "good")
    assert set(Table.read(tmp_path / "giant_branch.ecsv")["teff_width"]) == {0.2}
    kept = int(result.stdout.partition("tables of ")[2].split()[0])
    assert 0 < kept < len(catalog)


@pytest.mark.slow
def test_figures_and_own_tracks(catalog, tmp_path):
    own = tmp_path / "clump.csv"
    own.write_text("teff,teff_width,logg,logg_width\n4800,100,2.4,0.3\n4700,100,2.2,0.3\n")
    out = tmp_path / "out"
    result = run(catalog.path, "--out", out, "--own", own)
    table = Table.read(out / "clump.ecsv")
    teff, logg = (catalog[c].astype(float) for c in ("teff", "logg"))
    expected = [
        ((abs(teff - x) < 100) & (abs(logg - y) < 0.3)).sum() for x, y in [(4800, 2.4), (4700, 2.2)]
    ]
    assert table["n"].tolist() == expected and table.meta["variant"] == "own"
    figures = sorted(path.name for path in out.glob("*.pdf"))
    assert figures == [
        *("alpha.pdf", "alpha_latents.pdf", "clump.pdf", "kiel.pdf"),
        *("m_h_giants.pdf", "m_h_main_sequence.pdf"),
    ]
    assert all(f"{out / name}\n" in result.stdout for name in some(figures))


def test_mistakes(catalog, tmp_path):
    out = ("--out", tmp_path / "out", "--no-figures")
    bad = tmp_path / "bad.csv"
    bad.write_text("teff,teff_width,logg,logg_width\n4800,wide,2.4,0.3\n")
    assert "bad.csv: line 2, column teff_width: 'wide'" in fails(catalog.path, *out, "--own", bad)
    taken = tmp_path / "kiel.csv"
    taken.write_text("teff,teff_width,logg,logg_width\n4800,1,2.4,0.3\n")
    assert "another track is named kiel" in fails(catalog.path, *out, "--own", taken)
    far = tmp_path / "far.csv"
    far.write_text("teff,teff_width,age,age_width\n4800,1,2.4,0.3\n")
    said = fails(catalog.path, *out, "--own", far)
    assert f"{far}: {catalog.path}: no numbers in column age, and the track far needs" in said
    assert "must be a finite number" in fails(catalog.path, *out, "--m-h", "nan")
    assert "cannot be read" in fails(tmp_path / "none.parquet", *out)
    run(catalog.path, *out, "--thin", "0", status=2)
    run(catalog.path, *out, "--cut", "best", status=2)
    assert not (tmp_path / "out").exists()


def test_a_catalog_without_labels(tmp_path):
    catalog = catalog_of(tmp_path / "stars.parquet", {"z1": np.arange(20.0)})
    line = fails(catalog.path, "--out", tmp_path / "out")
    assert "stars.parquet: no numbers in columns teff, logg" in line
    assert not (tmp_path / "out").exists()


def test_a_catalog_with_some_labels(mock, tmp_path):
    result = run(mock.catalog, "--out", tmp_path, "--no-figures")
    assert "no gaia_enceladus: " in result.stdout and "columns lz, jz, jr" in result.stdout
    assert not (tmp_path / "high_alpha.ecsv").exists()
    assert len(Table.read(tmp_path / "main_sequence.ecsv")) == 15
    assert "giants against dwarfs: " in result.stdout
    assert "high-α against" not in result.stdout
    assert open_catalog(mock.catalog).path.name in (tmp_path / "fixed_m_h.ecsv").read_text()
