"""``xpmodel errors``: what it prints and writes."""

from astropy.table import Table

from tests.support.commands import run


def test_errors_of_a_catalog(mock, tmp_path):
    said = run(
        "errors", mock.catalog, "--model", mock.model, "--stars", 60, "--draws", 4,
        "--ensemble", mock.model, "--out", tmp_path,
    ).output  # fmt: skip
    assert "observed spectra, which have noise" in said
    assert "by noise through the encoder (z_noise): off by" in said
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "scatter.ecsv", "coverage.ecsv", "coverage.pdf", "membership.pdf",
        "membership_draws.ecsv", "membership_truth.ecsv",
    }  # fmt: skip
    table = Table.read(tmp_path / "membership_draws.ecsv")
    assert table.meta["noise_on"].startswith("observed") and table.meta["seed"] == 0
    coverage = Table.read(tmp_path / "coverage.ecsv")
    assert coverage.meta["models"] == 2


def test_another_model_is_refused(mock, tmp_path):
    said = run("errors", mock.catalog, "--out", tmp_path, status=2).output
    assert "give --model" in said
