"""The truth of a mock sky in the order of its catalog."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.alpha import alpha_columns
from tests.support.tracks import catalog_of
from xpmodel import InputError
from xpmodel.mock.truth import read_truth


def sky(folder, *, signal):
    """A catalog whose labels hardly tell α, and its truth."""
    columns = alpha_columns(4000, signal=signal)
    catalog = catalog_of(folder / "stars.parquet", columns)
    rng = np.random.default_rng(3)
    truth = {name: columns[name] for name in ("teff", "logg", "m_h", "fe_h", "mg_fe")}
    truth |= {"ebv": rng.uniform(0, 0.1, 4000), "age": rng.uniform(1, 12, 4000)}
    return catalog, truth


def test_truth(tmp_path):
    catalog, truth = sky(tmp_path, signal=True)
    order = np.random.default_rng(0).permutation(4000)
    table = {"source_id": catalog.source_id[order]}
    table |= {name: values[order] for name, values in truth.items()}
    pq.write_table(pa.table(table), tmp_path / "truth.parquet")
    columns = ("teff", "mg_fe")
    read = read_truth(tmp_path / "truth.parquet", catalog, columns)
    assert list(read) == ["teff", "mg_fe"]
    assert np.array_equal(read["mg_fe"], truth["mg_fe"])
    with pytest.raises(InputError, match="no column mass; make it with"):
        read_truth(tmp_path / "truth.parquet", catalog, ("teff", "mass"))
    pq.write_table(pa.table({n: v[:100] for n, v in table.items()}), tmp_path / "few.parquet")
    with pytest.raises(InputError, match="3900 of the 4000 stars"):
        read_truth(tmp_path / "few.parquet", catalog, columns)
    (tmp_path / "text.parquet").write_text("no")
    with pytest.raises(InputError, match="not the truth of a mock sky"):
        read_truth(tmp_path / "text.parquet", catalog, columns)
