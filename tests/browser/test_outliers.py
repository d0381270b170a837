"""A set of the oddest stars, and the recipe that finds them again."""

import numpy as np
import pytest

from tests.browser.explorer import Explorer
from tests.browser.reference import ids, members
from xpmodel.diagnostics.outliers import score_outliers
from xpmodel.selection.recipe import replay_recipe


@pytest.mark.slow
def test_a_set_of_outliers(explorer: Explorer, tmp_path):
    explorer.tab("Sets")
    field = explorer.page.get_by_label("oddest stars")
    assert field.input_value() == "100"
    field.fill("60")
    field.press("Tab")
    explorer.button("Set of outliers").click()
    explorer.until(lambda: explorer.visit.active_set == "60 outliers")
    explorer.until(lambda: explorer.shows("60 of 4,000 selected") and not explorer.visit.busy)
    catalog = explorer.visit.catalog
    oddest = np.zeros(len(catalog), bool)
    oddest[score_outliers(catalog).ranked[:60]] = True
    assert ids(explorer, members(explorer)) == ids(explorer, oddest)
    path = tmp_path / "recipe.json"
    path.write_bytes(explorer.export("Recipe"))
    np.testing.assert_array_equal(replay_recipe(path, catalog), oddest)
