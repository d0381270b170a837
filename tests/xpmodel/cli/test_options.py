"""Options that several commands take offer what there is."""

from xpmodel.catalog.named_cuts import CUTS
from xpmodel.cli.options import CUT_NAMES, TRACK_VARIANTS, VARIANT_NAMES
from xpmodel.tracks.definitions import VARIANTS


def test_names_of_cuts_and_variants():
    assert tuple(CUTS) == VARIANT_NAMES
    assert VARIANTS == TRACK_VARIANTS
    assert {frozenset(cuts) for cuts in CUTS.values()} == {frozenset(CUT_NAMES)}
