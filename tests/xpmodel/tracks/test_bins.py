import json

import numpy as np
import pytest

from tests.support.tracks import catalog_of, star_columns
from xpmodel.catalog.named_cuts import gaia_enceladus_mask
from xpmodel.errors import InputError
from xpmodel.tracks.bins import CONDITIONS, Bin

KIEL = Bin((("teff", 4500.0, 100.0), ("logg", 2.0, 0.5)), ("giant",))


@pytest.fixture(scope="module")
def columns():
    return star_columns()


@pytest.fixture(scope="module")
def catalog(columns, tmp_path_factory):
    return catalog_of(tmp_path_factory.mktemp("bins") / "stars.parquet", columns)


def test_contains(columns, catalog):
    teff, logg = (columns[c].astype(np.float32).astype(float) for c in ("teff", "logg"))
    expected = (abs(teff - 4500) < 100) & (abs(logg - 2) < 0.5) & (logg <= 5.9 - 0.4 * teff / 1e3)
    assert expected.sum() > 50
    np.testing.assert_array_equal(KIEL.contains(catalog), expected)


def test_its_ends_are_outside(tmp_path):
    values = [1, 1.25, 1.5, 1.75, 2, np.nan]
    catalog = catalog_of(tmp_path / "stars.parquet", {"z1": values, "m_h": values})
    assert Bin((("m_h", 1.5, 0.5),)).contains(catalog).tolist() == [
        False,
        *[True] * 3,
        *[False] * 2,
    ]


def test_every_condition(columns, catalog):
    c = {name: values.astype(np.float32).astype(float) for name, values in columns.items()}
    line, x = 5.9 - 0.4 * c["teff"] / 1e3, c["fe_h"]
    split = 0.1754 * x**3 + 0.1119 * x**2 - 0.1253 * x + 0.1353
    expected = {
        "giant": c["logg"] <= line,
        "dwarf": c["logg"] > line,
        "high_alpha": c["mg_fe"] > split,
        "low_alpha": c["mg_fe"] <= split,
        "gaia_enceladus": gaia_enceladus_mask(catalog, parallax=False),
        "gaia_enceladus_parallax": gaia_enceladus_mask(catalog, parallax=True),
    }
    assert set(expected) == set(CONDITIONS)
    for name, mask in expected.items():
        assert 0 < mask.sum() < len(catalog)
        np.testing.assert_array_equal(Bin((), (name,)).contains(catalog), mask, err_msg=name)


def test_columns_needed(catalog):
    assert KIEL.columns == ("teff", "logg")
    assert Bin((("m_h", 0.0, 0.1),), ("high_alpha",)).columns == ("m_h", "fe_h", "mg_fe")
    with pytest.raises(InputError, match=r"stars\.parquet: no numbers in columns height, width"):
        Bin((("height", 0.0, 1.0), ("width", 0.0, 1.0))).contains(catalog)


def test_json():
    text = json.dumps(KIEL.to_json())
    again = Bin.from_json(json.loads(text))
    assert again == KIEL and hash(again) == hash(KIEL) and len({again, KIEL}) == 1
    assert Bin.from_json({"centre": [], "conditions": ["dwarf"]}) == Bin((), ("dwarf",))


def centre(*part) -> dict:
    return {"centre": [list(part)], "conditions": []}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "must be an object of 'centre' and 'conditions'"),
        ([], "must be an object"),
        ({"centre": []}, "must be an object"),
        ({"centre": [], "conditions": [], "code": ""}, "must be an object"),
        ({"centre": {}, "conditions": []}, "'centre' must be a list"),
        ({"centre": ["abc"], "conditions": []}, "'centre' must be a list"),
        ({"centre": [["teff", 1.0]], "conditions": []}, "'centre' must be a list"),
        ({"centre": [], "conditions": "giant"}, "'conditions' must be a list"),
        ({"centre": [], "conditions": []}, "must demand something"),
        ({"centre": [], "conditions": ["young"]}, "no condition 'young'"),
        ({"centre": [], "conditions": [["giant"]]}, "no condition"),
        ({"centre": [], "conditions": ["giant", "giant"]}, "each condition once"),
        (centre(5, 1.0, 1.0), "column must be a name"),
        (centre("", 1.0, 1.0), "column must be a name"),
        (centre("x" * 65, 1.0, 1.0), "column must be a name"),
        (centre("teff", "5000", 1.0), "a bin in teff at '5000' ± 1.0"),
        (centre("teff", True, 1.0), "needs a finite centre"),
        (centre("teff", float("nan"), 1.0), "needs a finite centre"),
        (centre("teff", 10**400, 1.0), "needs a finite centre"),
        (centre("teff", 1.0, float("inf")), "half width above 0"),
        (centre("teff", 1.0, 0.0), "half width above 0"),
        (centre("teff", 1.0, -2), "half width above 0"),
        ({"centre": [["a", 1, 1], ["a", 2, 1]], "conditions": []}, "each once"),
        ({"centre": [[f"c{i}", 1, 1] for i in range(17)], "conditions": []}, "at most 16"),
    ],
)
def test_bad_json(content, message):
    with pytest.raises(InputError, match=message) as caught:
        Bin.from_json(content)
    assert len(str(caught.value)) < 300
