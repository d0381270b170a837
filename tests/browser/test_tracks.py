"""Tracks over the maps against means that are taken here, star by star."""

import re

import numpy as np
import pytest

from tests.browser.explorer import Explorer
from tests.support.loops import some
from xpmodel.tracks.definitions import TRACKS, define

MAPS = ("latent", "kiel", "abundance", "latent2")
KIEL_LINE = "MS/GB line (Eq. 10)"
OWN = """teff,teff_width,logg,logg_width
4700,150,2.4,0.3
5000,150,3.0,0.4
5600,100,4.4,0.2
5900,50,4.3,0.2
6500,20,0.5,0.1
"""


def points_of(explorer: Explorer, definition) -> list[dict[str, float]]:
    """Means, spreads and numbers of the stars of each bin, one star at a time."""
    stars = explorer.stars
    names = ("teff", "logg", "m_h", "alpha_m", "z1", "z2", "z3", "z4")
    teff, logg = (stars[name].astype(np.float64).tolist() for name in ("teff", "logg"))
    found = []
    for bin_ in definition.bins:
        rows = []
        ranges = [
            (stars[column].astype(np.float64).tolist(), centre, width)
            for column, centre, width in bin_.centre
        ]
        for row in range(len(teff)):
            inside = all(abs(values[row] - x) < width for values, x, width in ranges)
            line = 5.9 - 0.4 * teff[row] / 1000
            for condition in bin_.conditions:
                side = {"giant": logg[row] <= line, "dwarf": logg[row] > line}
                inside = inside and side[condition]
            if inside:
                rows.append(row)
        point = {"n": len(rows)}
        for name in names:
            values = stars[name][rows].astype(np.float64)
            values = values[np.isfinite(values)]
            point[name] = values.mean() if len(values) else np.nan
            point[f"{name}_std"] = values.std() if len(values) else np.nan
        found.append(point)
    return found


def shows_points(explorer: Explorer, points: list[dict[str, float]], title: str = "") -> None:
    """Every map has exactly these points, and the bars of their spreads."""
    for key in MAPS:
        x, y = explorer.visit.map_state(key).columns
        here = [p for p in points if np.isfinite([p[x], p[y]]).all()]

        def right(key: str = key, x: str = x, y: str = y, here: list = here) -> bool:
            shown = explorer.data(f"{key}_track_points")
            if len(shown["x"]) != len(here):
                return False
            places = np.array([shown["x"], shown["y"]], float)
            wanted = np.array([[p[x] for p in here], [p[y] for p in here]])
            hollow = [fill.endswith("00") and len(fill) == 9 for fill in shown["fill"]]
            bars = explorer.data(f"{key}_track_bars")
            half = [0.5 * (np.array(bars[f"{c}1"]) - np.array(bars[f"{c}0"])) for c in "xy"]
            spread = [np.array([p[f"{c}_std"] for p in here]) for c in (x, y)]
            return (
                np.allclose(places, wanted, rtol=1e-9, atol=1e-9)
                and hollow == [p["n"] < 10 for p in here]
                and np.allclose(half[0][0::2], spread[0], rtol=1e-6, atol=1e-9)
                and np.allclose(half[1][1::2], spread[1], rtol=1e-6, atol=1e-9)
            )

        explorer.until(right)


def test_every_track(explorer):
    explorer.tab("Tracks")
    catalog = explorer.visit.catalog
    available = []
    for name, title in some(TRACKS.items()):
        try:
            definitions = define(name, catalog)
        except ValueError:
            continue
        available.append(title)
        switch = explorer.page.get_by_label(title, exact=True)
        switch.click()
        explorer.until(lambda name=name: explorer.visit.tracks == (name,))
        points = [point for d in definitions for point in points_of(explorer, d)]
        assert sum(p["n"] > 0 for p in points) > 3, title
        shows_points(explorer, points)
        assert len(explorer.data("latent_track_lines")["xs"]) == len(definitions)
        switch.click()
        explorer.until(lambda: not explorer.visit.tracks)
        explorer.until(lambda: not explorer.data("kiel_track_points")["x"])
    boxes = explorer.page.get_by_role("checkbox").count()
    assert boxes == len(available) + 1 == 6

    explorer.page.get_by_label(KIEL_LINE, exact=True).click()
    explorer.until(lambda: explorer.data("kiel_track_lines")["xs"])
    lines = explorer.data("kiel_track_lines")
    teff, logg = np.array(lines["xs"][0], float), np.array(lines["ys"][0], float)
    frame = explorer.frame("kiel")
    assert teff.min() <= min(frame.x0, frame.x1) and teff.max() >= max(frame.x0, frame.x1)
    np.testing.assert_allclose(logg, 5.9 - 0.4 * teff / 1000, rtol=1e-12)

    # The best single split of the latents, by looking at every threshold.
    stars = explorer.stars
    known = np.isfinite(stars["teff"]) & np.isfinite(stars["logg"])
    giant = (stars["logg"] <= 5.9 - 0.4 * stars["teff"].astype(np.float64) / 1000)[known]
    best = (0.0, "", 0.0)
    for name in ("z1", "z2", "z4"):
        order = np.argsort(stars[name][known])
        z, kind = stars[name][known][order].astype(np.float64), giant[order]
        for i in range(1, len(z)):
            below = 0.5 * (kind[:i].sum() / kind.sum() + (~kind[i:]).sum() / (~kind).sum())
            balanced = max(below, 1 - below)
            if balanced > best[0]:
                best = (balanced, name, 0.5 * (z[i - 1] + z[i]))
    balanced, name, threshold = best
    text = f"{name} = {threshold:.3g}, balanced accuracy {balanced:.1%}"
    explorer.until(lambda: explorer.shows(re.compile(re.escape(text))))
    for key in MAPS:
        columns = explorer.visit.map_state(key).columns
        lines = explorer.data(f"{key}_track_lines")
        n = 1 if name in columns or set(columns) == {"teff", "logg"} else 0
        assert len(lines["xs"]) == n, key
        if name in columns:
            along = lines["xs" if columns[0] == name else "ys"][0]
            assert along == pytest.approx([threshold, threshold])


def said(explorer: Explorer, key: str) -> str:
    visible = explorer.model(f"{key}_hover", "visible")
    return explorer.model(f"{key}_hover", "content") if visible else ""


@pytest.mark.slow
def test_points_under_the_pointer(explorer):
    explorer.tab("Tracks")
    explorer.page.get_by_label("Giant branch", exact=True).click()
    (definition,) = define("giant_branch", explorer.visit.catalog)
    points = points_of(explorer, definition)
    shows_points(explorer, points)
    frame = explorer.frame("kiel")
    index = int(np.argmax([p["n"] for p in points]))
    point = points[index]
    pixel = frame.screen(np.array([point["teff"]]), np.array([point["logg"]]))[0]
    explorer.page.mouse.move(pixel[0] + 4, pixel[1] + 3)
    explorer.page.mouse.move(pixel[0] + 1, pixel[1])
    explorer.until(lambda: said(explorer, "kiel"))
    lines = said(explorer, "kiel").split("\n")
    assert lines[:2] == [f"Giant branch, bin {index + 1}", f"{point['n']:,} stars"]
    assert lines[2] == f"Teff {point['teff']:.0f} ± {point['teff_std']:.0f}"
    assert lines[3] == f"log g {point['logg']:.2f} ± {point['logg_std']:.2f}"

    explorer.page.mouse.click(*pixel)
    explorer.until(lambda: explorer.visit.track_point is not None)
    z = tuple(point[f"z{i}"] for i in (1, 2, 3, 4))
    explorer.until(lambda: explorer.visit.cursor.z == pytest.approx(z, rel=1e-9))
    explorer.until(lambda: explorer.z == pytest.approx(z, abs=1e-9))
    for name, value in zip(("z1", "z2", "z4"), (z[0], z[1], z[3]), strict=True):
        title = re.compile(rf"{name}:\s*{value:.3f}".replace("-", "[-−]"))
        explorer.until(lambda title=title: explorer.shows(title))
    assert explorer.visit.cursor.star is None
    explorer.until(lambda: explorer.shows(f"Giant branch, bin {index + 1}"))
    assert explorer.data("latent_marker") == {
        "x": [pytest.approx(z[1])],
        "y": [pytest.approx(z[3])],
    }
    # The same bin's point in the plane of latents.
    other = int(np.argsort([p["n"] for p in points])[-3])
    frame, point = explorer.frame("latent"), points[other]
    pixel = frame.screen(np.array([point["z2"]]), np.array([point["z4"]]))[0]
    near = frame.screen(np.array([p["z2"] for p in points]), np.array([p["z4"] for p in points]))
    nearest = int(np.nanargmin(np.hypot(*(near - np.round(pixel)).T)))
    explorer.page.mouse.click(*np.round(pixel))
    z = tuple(points[nearest][f"z{i}"] for i in (1, 2, 3, 4))
    explorer.until(lambda: explorer.visit.cursor.z == pytest.approx(z, rel=1e-9))


@pytest.mark.slow
def test_own_tracks(explorer):
    explorer.tab("Tracks")
    upload = explorer.page.locator("input[type=file]").first

    def send(name: str, text: str) -> None:
        file = {"name": name, "mimeType": "text/csv", "buffer": text.encode()}
        upload.set_input_files(file)

    bad = OWN.replace("4.3", "none")
    send("bad.csv", bad)
    problem = re.compile(r"line 5, column logg: 'none' is no number")
    explorer.until(lambda: explorer.shows(problem))
    assert not explorer.visit.own_tracks
    send("short.csv", OWN + "4000,20,3\n")
    explorer.until(lambda: explorer.shows(re.compile("line 7 has 3 values")))
    assert not explorer.visit.own_tracks

    send("my sequence.csv", OWN)
    explorer.until(lambda: len(explorer.visit.own_tracks) == 1)
    (definition,) = explorer.visit.own_tracks
    table = [list(map(float, line.split(","))) for line in OWN.split()[1:]]
    assert [[v for part in b.centre for v in part[1:]] for b in definition.bins] == table
    points = points_of(explorer, definition)
    assert points[-1]["n"] == 0 and points[0]["n"] > 20
    shows_points(explorer, points)
    explorer.until(lambda: explorer.shows("own: my_sequence"))
    explorer.button("Forget own tracks").click()
    explorer.until(lambda: not explorer.data("latent_track_points")["x"])
    assert not explorer.visit.own_tracks
