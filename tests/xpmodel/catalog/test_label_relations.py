import numpy as np
import pytest

from xpmodel.catalog.label_relations import (
    alpha_split,
    divide_logg,
    dwarf_mask,
    gb_teff,
    giant_mask,
    high_alpha_mask,
    low_alpha_mask,
    ms_logg,
)

NAN = np.nan


def test_giants_and_dwarfs():
    # The line lies at 3.9 for 5000 K and at 4.3 for 4000 K.
    assert divide_logg([5000, 4000]) == pytest.approx([3.9, 4.3])
    teff = np.array([5000, 5000, 4000, 4000, NAN, 5000, NAN], np.float32)
    logg = np.array([3.89, 3.91, 4.29, 4.31, 2.0, NAN, NAN], np.float32)
    assert giant_mask(teff, logg).tolist() == [True, False, True, False, False, False, False]
    assert dwarf_mask(teff, logg).tolist() == [False, True, False, True, False, False, False]


def test_a_star_on_the_line_is_a_giant():
    assert giant_mask([10_000], [1.9]) and not dwarf_mask([10_000], [1.9])


@pytest.mark.parametrize(
    ("teff", "logg"),
    [(3000, 4.6), (4999, 4.6), (5000, 4.6), (5600, 4.3), (6000, 4.1), (6300, 3.95), (9000, 3.95)],
)
def test_main_sequence(teff, logg):
    assert ms_logg(teff) == pytest.approx(logg)


@pytest.mark.parametrize(
    ("logg", "teff"), [(0, 3590), (2.5, 4690), (3.64, 5191.6), (3.65, 5200), (4, 5690)]
)
def test_giant_branch(logg, teff):
    assert gb_teff(logg) == pytest.approx(teff)


def test_relations_keep_gaps():
    assert np.isnan([ms_logg(NAN), gb_teff(NAN), alpha_split(NAN)]).all()


@pytest.mark.parametrize(
    ("fe_h", "mg_fe"), [(0, 0.1353), (1, 0.2973), (-1, 0.1971), (-2, -0.5697), (0.5, 0.122550)]
)
def test_alpha_split(fe_h, mg_fe):
    assert alpha_split(fe_h) == pytest.approx(mg_fe, abs=1e-12)
    x, y = np.full(3, fe_h), np.array([mg_fe - 1e-3, mg_fe + 1e-3, NAN])
    assert high_alpha_mask(x, y).tolist() == [False, True, False]
    assert low_alpha_mask(x, y).tolist() == [True, False, False]


def test_masks_are_computed_in_float64():
    # As float32, 0.1353 is 0.13529999…, below the split at [Fe/H] = 0.
    assert low_alpha_mask(np.float32([0]), np.float32([0.1353]))
