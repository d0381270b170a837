import numpy as np
import pytest

from tests.support.tracks import catalog_of
from xpmodel.errors import InputError
from xpmodel.tracks.judged_splits import balanced, judge_splits, splits_table
from xpmodel.tracks.latent_threshold import best_split, color_splits, kinds_of


def sky(path, n=2000, seed=0, **more):
    """Giants and dwarfs: z1 follows color, which tells them apart in part; z2 is noise."""
    rng = np.random.default_rng(seed)
    giant = rng.random(n) < 0.4
    color = np.where(giant, 1.4, 1.0) + rng.normal(0, 0.3, n)
    columns = {
        "teff": np.full(n, 5000.0),
        "logg": np.where(giant, 2.5, 4.5),
        "bp_rp": color,
        "z1": -3 * color,
        "z2": rng.normal(0, 1, n),
    }
    return catalog_of(path, columns | {k: v for k, v in more.items() if v is not None})


def test_a_latent_that_is_color_does_not_do_better_than_color(tmp_path):
    catalog = sky(tmp_path / "stars.parquet")
    (latents, color), skipped = judge_splits(catalog, "giant")
    assert latents.split.latent == "z1" and color.split.latent == "bp_rp"
    assert latents.columns == ("z1", "z2") and color.columns == ("bp_rp",)
    assert -3 * color.split.threshold == pytest.approx(latents.split.threshold, abs=1e-3)
    assert color.behind == pytest.approx(0, abs=0.01)
    assert color.behind_low <= 0 <= color.behind_high
    assert latents.behind == latents.behind_low == latents.behind_high == 0
    assert set(skipped) == {"j_k", "m_h"}
    assert "no numbers in column j_k" in skipped["j_k"]
    table = splits_table([latents, color], catalog, "full")
    assert list(table["sought"]) == ["latents", "bp_rp"]
    assert table["held_out"].tolist() == [latents.held_out, color.held_out]


def test_noise_is_no_better_than_chance_on_stars_left_out(tmp_path):
    """In sample the best of many thresholds on noise looks better than chance."""
    rng = np.random.default_rng(4)
    noise = rng.normal(0, 1, (2, 200))
    catalog = sky(tmp_path / "stars.parquet", n=200, z1=noise[0], z2=noise[1])
    latents, _ = judge_splits(catalog, "giant")[0]
    assert latents.split.balanced_accuracy > 0.53
    assert latents.low < 0.5 < latents.high


def test_held_out_accuracy_is_that_of_new_stars(tmp_path):
    catalog = sky(tmp_path / "stars.parquet")
    latents = judge_splits(catalog, "giant")[0][0]
    new = sky(tmp_path / "new.parquet", n=40_000, seed=9)
    giant, _ = kinds_of(new, "giant")
    split = latents.split
    right = ((new[split.latent] > split.threshold) == split.above) == giant
    truth = 0.5 * (right[giant].mean() + right[~giant].mean())
    assert latents.low - 0.01 < truth < latents.high + 0.01


def test_the_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    kind = np.arange(300) < 90
    chance = np.where(kind, 0.8, 0.65)
    inside = 0
    for _ in range(2000):
        _, low, high = balanced((rng.random(300) < chance).astype(float), kind)
        inside += low < 0.725 < high
    assert inside / 2000 == pytest.approx(0.95, abs=0.02)


def test_color_alone(tmp_path):
    catalog = sky(tmp_path / "stars.parquet")
    giant, known = kinds_of(catalog, "giant")
    split = color_splits(catalog)["giant"]
    assert split == best_split(catalog, giant, known, ("bp_rp",))
    assert split.latent == "bp_rp" and split.above
    called = catalog["bp_rp"] > split.threshold
    assert split.accuracy == pytest.approx((called == giant).mean())
    bare = catalog_of(tmp_path / "bare.parquet", {"z1": np.arange(9.0), "teff": np.full(9, 5e3)})
    assert color_splits(bare) == {}


def test_what_cannot_be_judged_is_said(tmp_path):
    few = sky(tmp_path / "few.parquet", n=8)
    with pytest.raises(InputError, match="giants and . dwarfs with all values; needs 5 of either"):
        judge_splits(few, "giant")
    with pytest.raises(InputError, match="has no labels that tell high-α from low-α"):
        judge_splits(few, "high_alpha")
    flat = sky(tmp_path / "flat.parquet", z1=np.zeros(2000), z2=np.zeros(2000))
    with pytest.raises(InputError, match="no latent is active"):
        judge_splits(flat, "giant")
    gray = sky(tmp_path / "gray.parquet", bp_rp=np.full(2000, np.nan))
    judged, skipped = judge_splits(gray, "giant")
    assert len(judged) == 1 and "no numbers in column bp_rp" in skipped["bp_rp"]
    same = sky(tmp_path / "same.parquet", bp_rp=np.ones(2000))
    assert "all stars have the same bp_rp" in judge_splits(same, "giant")[1]["bp_rp"]
