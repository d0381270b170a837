"""Every command on every odd catalog: one clear line and status 2, or a right result."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.support.commands import run
from tests.support.odd_catalogs import ODD, make_whole, write_odd
from xpmodel import InputError, open_catalog
from xpmodel.export.formats import FORMATS
from xpmodel.studies.alpha import forests

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

# What a catalog must not be, whatever is asked of it.
REFUSED = {
    "a label twice": "several columns named 'teff'",
    "ids twice": "several columns named 'source_id'",
    "a latent twice": "several columns named 'z1'",
    "a foreign column twice": "several columns named 'x'",
    "a label of text": "column teff is string, expected numbers",
    "a label of structs": "column teff is struct",
    "a label of lists": "column logg is list",
    "a label of bool": "column teff is bool, expected numbers",
    "a magnitude of text": "column phot_g_mean_mag is string, expected numbers",
    "flags of text": "column starflag is string, expected numbers",
    "χ² of text": "column chi2_obs is string, expected numbers",
    "a population of numbers": "column population is int64, expected text",
    "a latent of text": "column z1 is string, expected float32",
    "a latent of integers": "column z1 is int64, expected float32",
    "a latent of lists": "column z1 is list",
    "no second latent": "column z2 is missing",
    "no widths": "column z1_err is missing",
    "null ids": "86 of 600 rows have no source_id",
    "the same id": "85 of 600 rows repeat the source_id of another one, the first 12345",
    "negative ids": "86 of 600 rows have a source_id below 0, the first -5",
    "ids of float": "source_id is double, expected int64",
    "ids of text": "source_id is string, expected int64",
    "no ids": "column source_id is missing",
    "metadata no JSON": "its metadata are not JSON",
    "metadata no text": "its metadata are not JSON",
    "metadata a list": "its metadata are not JSON of a catalog ([1, 2], expected an object)",
    "metadata deep": "its metadata are not JSON",
    "a model that is a list": "'model' is [1], expected an object",
    "a model that is text": "'model' is 'demo', expected an object",
    "a hash that is a number": "'model.hash' is 12, expected text",
    "a hash that is a list": "'model.hash' is ['a'], expected text",
    "estimates that are a number": "'model.estimated' is 3, expected a list of text",
    "a split that is text": "'split' is 'half', expected an object",
    "a split that is a list": "'split' is [0.1, 0], expected an object",
    "a split of unknown parts": "'split.fraction' is 0.1, expected no such entry",
    "a split of text": "'split.test_fraction' is '0.1', expected a number between 0 and 1",
    "a split of 2": "'split.test_fraction' is 2, expected a number between 0 and 1",
    "a split of NaN": "'split.test_fraction' is nan, expected a number between 0 and 1",
    "a seed below 0": "'split.seed' is -1, expected a whole number from 0",
    "a seed with a fraction": "'split.seed' is 0.5, expected a whole number from 0",
    "a seed of many digits": "'split.seed' is 1000000000000000000000000000000, expected a whole",
    "G fluxes that are a number": "'g_flux' is 7, expected an object",
}
STEPS = {
    "all": {"kind": "all"},
    "filter": {"kind": "filter", "cuts": [], "ranges": [["teff", 0, 5000]], "expression": ""},
    "nearest": {"kind": "nearest", "z": [0, 0, 0, 0], "k": 5},
    "outliers": {"kind": "outliers", "k": 5},
}
COMMANDS = {
    "probe": lambda catalog, model, out: ["probe", catalog],
    "classify": lambda catalog, model, out: [
        *("classify", catalog, "--out", out, "--cut", "full", "--no-figures"),
        *("--model", model),
    ],
    "classify as released": lambda catalog, model, out: [
        *("classify", catalog, "--out", out, "--as-released", "--no-figures")
    ],
    "evaluate": lambda catalog, model, out: [
        *("evaluate", catalog, "--out", out, "--model", model, "--no-figures")
    ],
    "tracks": lambda catalog, model, out: ["tracks", catalog, "--out", out, "--no-figures"],
    "outliers": lambda catalog, model, out: ["outliers", catalog, "--out", out],
    "inspect": lambda catalog, model, out: [
        *("inspect", model, catalog, "--out", out, "--no-figures")
    ],
    "explore": lambda catalog, model, out: ["explore", catalog, "--port", "0", "--no-browser"],
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return make_whole(tmp_path_factory.mktemp("whole"))


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr(forests, "TREES", 3)


@pytest.fixture
def odd(whole, tmp_path, request):
    return write_odd(whole[0], request.param, tmp_path / "odd.parquet")


def recipe(tmp_path, name):
    """Applies to any catalog."""
    path = tmp_path / f"{name}.json"
    steps = [{"operation": "replace", **STEPS[name]}]
    content = {"format": "xpmodel-selection", "version": 1, "steps": steps, "n_selected": 0}
    path.write_text(json.dumps(content | {"catalog": {"name": "any", "sha256": "0"}}))
    return path


def ends_well(arguments, out):
    """Runs; a refusal is one line, and leaves no file."""
    from click.testing import CliRunner

    from xpmodel.cli.main import main

    result = CliRunner().invoke(main, list(map(str, arguments)))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code in (0, 2), result.output
    if result.exit_code == 2:
        lines = [line for line in result.stderr.splitlines() if line.startswith("xpmodel: ")]
        assert len(lines) == 1 and len(lines[0]) < 500
        assert not out.exists() or not list(out.iterdir()), lines
    return result


def test_every_refused_kind_is_one_of_those_that_are_made():
    assert set(REFUSED) < set(ODD)


@pytest.mark.parametrize(("odd", "message"), REFUSED.items(), indirect=["odd"])
def test_a_file_that_is_no_catalog_is_refused_when_it_is_opened(odd, message):
    with pytest.raises(InputError) as caught:
        open_catalog(odd)
    assert str(odd) in str(caught.value) and message in str(caught.value)


@pytest.mark.parametrize("odd", ["a label of text", "null ids", "a split of 2"], indirect=True)
@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_tells_of_a_file_that_is_no_catalog(odd, whole, tmp_path, command):
    result = run(*COMMANDS[command](odd, whole[1], tmp_path / "out"), status=2)
    assert result.stderr.startswith(f"xpmodel: {odd}: ") and result.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["odd.parquet", "odd.spectra.arrow"]


@pytest.mark.parametrize("odd", sorted(set(ODD) - set(REFUSED)), indirect=True)
def test_each_command_on_values_as_odd_as_they_come(odd, whole, tmp_path):
    for name in sorted(set(COMMANDS) - {"explore"}):  # which would go on for ever
        ends_well(COMMANDS[name](odd, whole[1], tmp_path / name), tmp_path / name)
    for name in STEPS:
        arguments = ["select", recipe(tmp_path, name), "--catalog", odd, "--other-catalog"]
        ends_well(arguments, tmp_path / "none")
    for ending in FORMATS:
        out = tmp_path / ending / f"stars{ending}"
        arguments = ["select", recipe(tmp_path, "all"), "--catalog", odd, "--other-catalog"]
        ends_well([*arguments, "--coefficients", "--out", out], out.parent)


@pytest.mark.parametrize(
    "odd", ["some latents NaN", "some latents null", "some latents infinite"], indirect=True
)
def test_the_stars_left_out_are_counted(odd, whole, tmp_path):
    count = "86 of 600 stars have latents that are missing or not finite"
    for name in ("probe", "tracks", "outliers"):
        said = run(*COMMANDS[name](odd, whole[1], tmp_path / name)).stdout
        assert count in said
    assert "514 with all values" in run(*COMMANDS["classify"](odd, whole[1], tmp_path / "c")).stdout
    said = run(*COMMANDS["evaluate"](odd, whole[1], tmp_path / "e")).stdout
    assert "of 60 test stars have latents" in said
    assert (
        "over 514 of 600 stars" in run(*COMMANDS["inspect"](odd, whole[1], tmp_path / "i")).stdout
    )


@pytest.mark.parametrize("odd", ["a name with a dot"], indirect=True)
def test_a_column_is_not_taken_for_another_whose_name_begins_alike(odd, whole, tmp_path):
    table = pq.read_table(odd)
    order = ["teff.raw", *(name for name in table.column_names if name != "teff.raw")]
    pq.write_table(table.select(order), odd)
    expected = table["teff"].to_numpy()
    np.testing.assert_array_equal(open_catalog(odd)["teff"], expected)
    assert open_catalog(odd).table(["logg", "teff"]).column_names == ["logg", "teff"]
