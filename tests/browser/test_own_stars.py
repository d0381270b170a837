"""A visitor's own stars: dropped, listed, drawn, refused."""

import base64
import http.client
from urllib.parse import urlparse

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.browser.explorer import Explorer
from tests.support.mock import Mock
from xpmodel import load_model
from xpmodel.spectra.spectra import read_spectra

# A file that the mouse lets go over the map, as the browser tells of it.
DROP = """([name, content]) => {
    const bytes = Uint8Array.from(atob(content), c => c.charCodeAt(0))
    const transfer = new DataTransfer()
    transfer.items.add(new File([bytes], name))
    const at = {dataTransfer: transfer, bubbles: true, cancelable: true}
    document.body.dispatchEvent(new DragEvent("dragover", at))
    document.body.dispatchEvent(new DragEvent("drop", at))
}"""
N = 12


def spectra_file(mock: Mock, folder, bad: int = 0):
    """Twelve of the mock's stars as archive rows; some rows spoilt."""
    table = pq.read_table(mock.catalog.with_name("spectra.parquet")) \
        if mock.catalog.with_name("spectra.parquet").exists() else None  # fmt: skip
    if table is None:
        from tests.support.mock import mock_model, mock_stars

        table = mock_stars(mock_model())[0]
    table = table.slice(0, N)
    if bad:
        rows = table.column("bp_coefficients").to_pylist()
        rows[2][4] = float("nan")
        table = table.set_column(
            table.column_names.index("bp_coefficients"),
            "bp_coefficients",
            pa.array(rows, table.schema.field("bp_coefficients").type),
        )
    path = folder / "mine.parquet"
    pq.write_table(table, path)
    return path


def drop(explorer: Explorer, path, name: str | None = None) -> None:
    content = base64.b64encode(path.read_bytes()).decode()
    explorer.page.evaluate(DROP, [name or path.name, content])


def test_a_file_is_dropped(explorer, mock: Mock, tmp_path):
    path = spectra_file(mock, tmp_path, bad=1)
    model = load_model(mock.model, "cpu")
    spectra = read_spectra(path)
    mean, _ = model.encode(spectra)
    drop(explorer, path)
    explorer.until(lambda: explorer.data("own_source"))
    cursor = explorer.visit.cursor
    explorer.until(lambda: explorer.shows(f"{N - 1} of {N} rows of mine.parquet encoded"))
    listed = explorer.data("own_source")["source_id"]
    assert listed == [str(i) for i in spectra.source_id]
    # The row that cannot be used, by its number and its reason.
    bad = explorer.data("own_bad_source")
    assert bad["row"] == ["3"] and bad["reason"] == ["NaN coefficient"]
    assert bad["file"] == ["mine.parquet"]
    # On the maps: at its latents, and among labels where its neighbours are.
    explorer.until(lambda: len(explorer.data("latent_own")["x"]) == N - 1)
    np.testing.assert_allclose(explorer.data("latent_own")["x"], mean[:, 1], rtol=1e-4, atol=1e-4)
    assert explorer.data("latent_own")["fill"][0] != explorer.data("kiel_own")["fill"][0]
    near = cursor.own_near.median("teff")
    np.testing.assert_allclose(explorer.data("kiel_own")["x"], near, rtol=1e-6)
    # The first is shown: spectrum, residual, χ².
    explorer.until(lambda: cursor.own_star == 0)
    explorer.tab("Spectrum")
    chi2 = float(cursor.own.encoded.chi2_obs[0])
    explorer.until(lambda: explorer.shows(f"Your star {spectra.source_id[0]}"))
    explorer.until(lambda: explorer.shows(f"{chi2:.3g}"))
    explorer.until(lambda: explorer.model("residual", "visible"))

    # Sets of them and of their neighbours.
    explorer.tab("My stars")
    explorer.button("Set of those in the catalog").click()
    explorer.until(lambda: explorer.visit.current.n_members == N - 1)
    members = explorer.visit.current.mask(explorer.visit.catalog)
    assert set(explorer.stars["source_id"][members]) == set(spectra.source_id)
    explorer.button("Set of the chosen one's neighbours").click()
    explorer.until(lambda: explorer.visit.current.n_members == 50)
    with explorer.page.expect_download() as download:
        explorer.button("Export the list").click()
    text = download.value.path().read_text()
    assert str(spectra.source_id[4]) in text and len(text.splitlines()) == N
    explorer.button("Forget them").click()
    explorer.until(lambda: not explorer.data("latent_own")["x"])


@pytest.mark.slow
def test_bad_files(explorer, tmp_path):
    for name, content, said in (
        ("../../noise.fits", bytes(range(256)) * 40, "noise.fits"),
        ("empty.csv", b"", "empty.csv"),
        (
            "entities.vot",
            b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><VOTABLE/>',
            "DOCTYPE",
        ),
    ):
        path = tmp_path / "given"
        path.write_bytes(content)
        drop(explorer, path, name)
        explorer.until(lambda s=said: explorer.shows(s))
        assert explorer.visit.cursor.own is None
    explorer.problems.clear()


def test_too_large(explorer):
    """Refused by the browser, and by the server if a browser does not."""
    page = explorer.page
    page.evaluate(
        """() => window.dispatchEvent(new CustomEvent("xpmodel-file",
            {detail: {name: "huge.fits", size: 60 * 2 ** 20}}))"""
    )
    explorer.until(lambda: explorer.shows("huge.fits has 60 MB: at most 50 MB are taken"))
    token = page.evaluate(
        """() => [...Bokeh.documents[0]._all_models.values()]
            .map(model => model.data?.inbox ?? model.inbox).find(inbox => inbox)"""
    )
    base = page.evaluate("location.origin + location.pathname.replace(/\\/+$/, '')")
    # Before its content comes: only the head is sent.
    url = urlparse(f"{base}/upload/{token}")
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
    connection.putrequest("PUT", url.path)
    connection.putheader("Content-Length", str(51 * 2**20))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
    assert page.request.put(f"{base}/upload/nobody", data=b"x").status == 404
