import numpy as np
import pytest
from astropy.table import Table

from xpmodel import InputError
from xpmodel.report.tables import make_table, write_table
from xpmodel.studies.paper import alpha_headlines, headlines
from xpmodel.studies.paper.results import Headline, Results, interval


def write(path, **columns):
    return write_table(path, make_table([(name, v, "", "") for name, v in columns.items()]))


def test_minus_signs_are_those_of_print():
    one = Headline("gain -0.01 [-0.02, -.5], 16-84 %, z-1", "5-3", "at -3").printed()
    assert one.here == "gain −0.01 [−0.02, −.5], 16-84 %, z-1"
    assert (one.baseline, one.control) == ("5-3", "at −3")


def test_an_interval_is_read_from_a_row():
    row = Table({"gain": [0.0412], "gain_p2": [-0.001], "gain_p98": [0.08]})[0]
    assert interval(row, "gain") == "0.041 [-0.001, 0.080]"


def test_what_is_not_there_is_said(tmp_path):
    results = Results(tmp_path)
    with pytest.raises(InputError, match="classify.ecsv is not there"):
        alpha_headlines.table_1(results)
    (tmp_path / "draws.ecsv").write_text("no table\n1 2 3\n")
    with pytest.raises(InputError, match="draws.ecsv"):
        alpha_headlines.draws(results)


def test_classifiers_stand_beside_those_of_the_sky_without_alpha(tmp_path):
    for name, latents in (("with", 0.85), ("without", 0.83)):
        accuracy = np.array([0.74, 0.86, latents])
        write(
            tmp_path / name / "classify.ecsv",
            classifier=["always the larger class", "labels", "latents"],
            accuracy=accuracy,
            accuracy_p2=accuracy - 0.01,
            accuracy_p98=accuracy + 0.01,
        )
    found = alpha_headlines.table_1(Results(tmp_path / "with", Results(tmp_path / "without")))
    assert found.here == "accuracy: labels 0.860 [0.850, 0.870], latents 0.850 [0.840, 0.860]"
    assert "larger class alone 0.740" in found.baseline and "latents 0.84" in found.baseline
    assert "latents 0.830 [0.820, 0.840]" in found.control
    assert alpha_headlines.table_1(Results(tmp_path / "with")).control == ""


def test_the_controls_measures_are_of_both_skies(tmp_path):
    path = write(
        tmp_path / "control.ecsv",
        stars=["all stars", "dwarfs"],
        measure=["mutual information [mnat]"] * 2,
        alpha=[45.8, 3.0],
        alpha_error=[1.1, 1.0],
        no_alpha=[-1.1, 2.0],
        no_alpha_error=[np.nan, 1.0],
    )
    results = Results(tmp_path, control=path)
    said = "mutual information [mnat]: 45.8 ± 1.1 with α, -1.1 without"
    assert results.measure("mutual information [mnat]") == said
    assert results.measure("unheard of") == "" == Results(tmp_path).measure("any")
    assert alpha_headlines.control(results).here == said
    old = write(tmp_path / "old.ecsv", measure=["gain"], value=[0.1])
    assert alpha_headlines.control(Results(tmp_path, control=old)).here == "see control.ecsv"


def test_the_scan_names_its_best(tmp_path):
    write(tmp_path / "latents.ecsv", latents=[1, 6], active=[1, 4], test_loss=[-60.0, -71.5])
    found = headlines.scan(Results(tmp_path)).printed()
    assert "K = 1: −60.00, K = 6: −71.50; least at K = 6, of which 4 used" in found.here
