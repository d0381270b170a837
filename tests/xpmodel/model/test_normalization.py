import numpy as np
import pytest

from tests.support.released import released_rows, write_released
from xpmodel.cli.build import norm_command
from xpmodel.errors import InputError
from xpmodel.model.normalization import normalization, write_normalization
from xpmodel.spectra.train_test_split import train_test_rows

N = 500


def expected(rows):
    train, _ = train_test_rows(len(rows))
    x = rows["coeffs"].astype(np.float64) / rows["phot_g_mean_flux"][:, None]
    return x[train].mean(axis=0), x[train].std(axis=0)


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", ">f8"])
def test_mean_and_standard_deviation_of_the_training_stars(tmp_path, dtype):
    rows = released_rows(N, dtype)
    norm = normalization(write_released(tmp_path / "stars.h5", rows))
    mu, sig = expected(rows)
    np.testing.assert_allclose(norm.mu, mu, rtol=1e-13)
    np.testing.assert_allclose(norm.sig, sig, rtol=1e-13)
    assert norm.n_train == 450


def test_many_chunks(tmp_path):
    """A mean far larger than the scatter costs no digits, however the chunks fall."""
    rows = released_rows(20_000, "<f8")
    rows["coeffs"] += 1e6 * rows["phot_g_mean_flux"][:, None]
    calls = []
    norm = normalization(
        write_released(tmp_path / "stars.h5", rows), lambda *call: calls.append(call)
    )
    mu, sig = expected(rows)
    np.testing.assert_allclose(norm.mu, mu, rtol=1e-13)
    np.testing.assert_allclose(norm.sig, sig, rtol=1e-6)  # x itself has but nine digits of it
    stars, fractions = zip(*calls, strict=True)
    assert stars[-1] == 40_000 and fractions[-1] == 1.0
    assert list(fractions) == sorted(fractions) and fractions[2] == 0.5


def test_rows_without_coefficients_are_no_stars_of_the_split(tmp_path):
    rows = released_rows(N)
    bad = [0, 17, 499]
    rows["coeffs"][bad, 40] = [np.nan, np.inf, np.nan]
    norm = normalization(write_released(tmp_path / "stars.h5", rows))
    mu, sig = expected(np.delete(rows, bad))
    np.testing.assert_allclose(norm.mu, mu, rtol=1e-13)
    np.testing.assert_allclose(norm.sig, sig, rtol=1e-13)
    assert norm.report.counts == {"NaN coefficient": 3}


def test_a_coefficient_that_does_not_vary(tmp_path):
    rows = released_rows(N)
    rows["coeffs"][:, 7] = 0
    with pytest.raises(InputError, match="coefficient 7 is the same for all 450 training stars"):
        normalization(write_released(tmp_path / "stars.h5", rows))


def test_the_file(tmp_path):
    source = write_released(tmp_path / "stars.h5", released_rows(N))
    norm = write_normalization(source, tmp_path / "norm.npz")
    with np.load(tmp_path / "norm.npz", allow_pickle=False) as file:
        assert sorted(file) == ["mu", "sig"]
        np.testing.assert_array_equal(file["mu"], norm.mu)
        np.testing.assert_array_equal(file["sig"], norm.sig)
    first = (tmp_path / "norm.npz").read_bytes()
    write_normalization(source, tmp_path / "norm.npz")
    assert (tmp_path / "norm.npz").read_bytes() == first
    with pytest.raises(InputError, match=r"norm\.txt: the normalization's name must end in \.npz"):
        write_normalization(source, tmp_path / "norm.txt")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["norm.npz", "stars.h5"]


def test_command(tmp_path, capsys):
    rows = released_rows(N)
    rows["coeffs"][3] = np.nan
    source, out = write_released(tmp_path / "stars.h5", rows), tmp_path / "norm.npz"
    norm_command.main([str(source), "--out", str(out)], standalone_mode=False)
    assert capsys.readouterr().out.splitlines() == [
        f"{out}: mu and sig of 449 training stars",
        "499 of 500 rows used, 1 left out",
        "  1: missing band",
    ]
