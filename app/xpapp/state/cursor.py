"""The point z of one visitor: where it is, how it got there, what is near it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import param

from xpmodel import Catalog, InputError, Model, Spectra
from xpmodel.columns import steerable, width_column
from xpmodel.latent.metric import LatentMetric, latent_points_of
from xpmodel.latent.nearby_stars import ManySurroundings, Surroundings, place_in_map
from xpmodel.latent.neighbours import Neighbours, neighbours_of
from xpmodel.latent.paths import LatentPath
from xpmodel.latent.steering import Direction, LocalFit, Steered, asked_of_stars, fit_labels, steer
from xpmodel.own.stars import OwnStars
from xpmodel.plots.counterfactual import Counterfactual
from xpmodel.plots.modes import LEAST_PARALLAX_OVER_ERROR, MODES, scale_at_1kpc
from xpmodel.selection.star_sources import NearestStars
from xpmodel.spectra.photometry import g_flux_from_mag, g_mag_from_flux

DEFAULT_G_MAG = 15.0
N_NEAR = 50


class Cursor(param.Parameterized):
    """The decoded point z, what set it, and how its spectrum is shown.

    Gestures call the methods; views watch the parameters.
    """

    z = param.Parameter(doc="The decoded point in latent space, K floats.")
    previous_z = param.Parameter(doc="Where z was before the gesture that moves it.")
    star = param.Parameter(doc="Row of the catalog's star that z came from, or None.")
    own = param.Parameter(doc="The visitor's own stars, OwnStars, or None.")
    own_star = param.Parameter(doc="Which of them z came from, or None.")
    g_mag = param.Number(DEFAULT_G_MAG, doc="G magnitude of the flux shown.")
    mode: param.Selector[str] = param.Selector(default="flux", objects=list(MODES))
    lines = param.Boolean(False, doc="Whether spectral lines are marked.")
    truncated = param.Boolean(False, doc="Whether observed spectra end at their relevant bases.")
    locked = param.Parameter(frozenset(), doc="Indices of the latents that stay.")
    chosen = param.Integer(0, doc="Index of the latent that the keys nudge.")
    click: param.Selector[str] = param.Selector(default="star", objects=["star", "place"])
    pins = param.Parameter((None, None), doc="Two points z to go between, or None.")
    path = param.Parameter(doc="The LatentPath that is played, or None.")
    place = param.Number(0.0, bounds=(0.0, 1.0), doc="Where on the path z is.")
    playing = param.Boolean(False, doc="Whether z moves along the path by itself.")

    def __init__(self, catalog: Catalog, model: Model | None, **params: Any) -> None:
        self.catalog, self.model = catalog, model
        self._moving = False
        self._near: tuple[object, Surroundings] | None = None
        self._own_near: tuple[OwnStars, ManySurroundings] | None = None
        self._start = tuple(_median(catalog[name]) for name in catalog.latents)
        chosen = catalog.latents.index(catalog.active[0]) if catalog.active else 0
        super().__init__(**({"z": self._start, "chosen": chosen} | params))

    # Moving

    def move(self, index: int, value: float) -> None:
        """Move one latent of z, as a slider does while it is dragged."""
        if self.z[index] != value:
            self._slide((*self.z[:index], float(value), *self.z[index + 1 :]))

    @property
    def moving(self) -> bool:
        """Whether a slider is held."""
        return self._moving

    def release(self) -> None:
        """End a drag: the next one keeps the spectrum that it starts from."""
        self._moving = False

    def _slide(self, z: tuple[float, ...]) -> None:
        if self._moving:
            self.z = z
        else:
            self._moving = True
            self.param.update(previous_z=self.z, z=z)

    def nudge(self, step: float) -> None:
        """Move the chosen latent by part of its standard deviation over the catalog."""
        if self.chosen not in self.locked:
            i = self.chosen
            value = self.z[i] + step * (float(self.metric.spread[i]) or 1.0)
            self._slide((*self.z[:i], value, *self.z[i + 1 :]))

    @property
    def metric(self) -> LatentMetric:
        """What distances in latent space are measured by."""
        return latent_points_of(self.catalog).metric

    def choose(self, by: int) -> None:
        """Choose another active latent for the keys."""
        latents = self.catalog.latents
        choice = [latents.index(name) for name in self.catalog.active or latents]
        at = choice.index(self.chosen) if self.chosen in choice else 0
        self.chosen = choice[(at + by) % len(choice)]

    def lock(self, index: int, on: bool) -> None:
        """Keep a latent where it is whatever else sets z, or no longer."""
        self.locked = self.locked | {index} if on else self.locked - {index}

    # Going somewhere

    def go_to(self, z: Sequence[float], **others: Any) -> None:
        """Move z to a point, but for the locked latents; no star stands for it.

        Raises
        ------
        InputError
            When the point is not finite.
        """
        if not np.isfinite(z).all():
            raise InputError("this point has no latents")
        self.release()
        z = tuple(old if i in self.locked else float(new) for i, (old, new) in self._pairs(z))
        changes = {"star": None, "own_star": None} | others
        if z == self.z:
            self.param.update(**changes)
        else:
            self.param.update(previous_z=self.z, z=z, **changes)

    def _pairs(self, z: Sequence[float]) -> enumerate[tuple[float, float]]:
        return enumerate(zip(self.z, z, strict=True))

    def reset(self) -> None:
        """Move z to the catalog's median, where it was at first."""
        self.go_to(self._start)

    def go_back(self) -> None:
        """Move z to where it was before the last gesture."""
        if self.previous_z is not None:
            self.go_to(self.previous_z)

    def visit_star(self, row: int) -> None:
        """Move z to a star's latents, and show its flux at its own magnitude."""
        g_mag = self._g_mag_of(row)
        shown = {"g_mag": g_mag} if np.isfinite(g_mag) else {}
        self.go_to(self._latents_of(row), star=int(row), **shown)

    def visit_own(self, index: int) -> None:
        """Move z to one of the visitor's own stars."""
        z, g_mag = self.own.encoded.mean[index], float(self.own.g_mag[index])
        self.go_to(z, own_star=int(index), g_mag=g_mag)

    def visit_place(self, columns: tuple[str, str], at: tuple[float, float]) -> None:
        """Move z to a point of a map.

        Its latents are set; columns that are none are those of the stars nearest on the map.
        """
        self.go_to(place_in_map(self.catalog, columns, at, self.z))

    def visit_median(self, mask: np.ndarray) -> None:
        """Move z to the median latents of some stars.

        Raises
        ------
        InputError
            When there are none.
        """
        if not mask.any():
            raise InputError("the set is empty: there is no median to go to")
        self.go_to([_median(self.catalog[n][mask]) for n in self.catalog.latents])

    def leave_star(self) -> None:
        """Stop showing a star; z stays."""
        self.param.update(star=None, own_star=None)

    @property
    def at_star(self) -> bool:
        """Whether z is the star's own."""
        return self.star is not None and self.z == self._latents_of(self.star)

    def _latents_of(self, row: int) -> tuple[float, ...]:
        return tuple(float(self.catalog[name][row]) for name in self.catalog.latents)

    # Stars of the visitor's own

    def add_own(self, stars: OwnStars) -> None:
        """Take more stars in; of a star given twice the later one counts."""
        self.take_own(*self.joined(self.own, stars))

    def joined(
        self, before: OwnStars | None, stars: OwnStars
    ) -> tuple[OwnStars, ManySurroundings | None]:
        """Stars behind those before, and all that the page asks of the catalog's around each.

        Seconds for thousands of stars, so in a thread; nothing of the page is touched.
        """
        own = stars if before is None else before + stars
        if not len(own):
            return own, None
        near = self._around(own)
        near.keep([name for name in steerable() if name in self.catalog.numeric])
        own.values("ra")  # finds all its columns
        return own, near

    def take_own(self, own: OwnStars, near: ManySurroundings | None) -> None:
        """Take over what `joined` made."""
        self._own_near = None if near is None else (own, near)
        self.param.update(own=own, own_star=None)

    def forget_own(self) -> None:
        """Let go of them."""
        self.param.update(own=None, own_star=None)

    @property
    def own_near(self) -> ManySurroundings:
        """The catalog's stars around each of them."""
        if self._own_near is None or self._own_near[0] is not self.own:
            self._own_near = (self.own, self._around(self.own))
        return self._own_near[1]

    def _around(self, own: OwnStars) -> ManySurroundings:
        z, ids = own.encoded.mean, own.source_id
        return ManySurroundings(self.catalog, self._neighbours, z, N_NEAR, ids)

    def own_values(self, column: str) -> tuple[np.ndarray, bool]:
        """Where they lie on a column's axis, (N,), and whether by values of their own.

        Else by the medians of the stars near each of them.
        """
        values = self.own.values(column)
        known = values is not None and bool(np.isfinite(values).any())
        return (values, True) if known else (self.own_near.median(column), False)

    # Steering

    def local_fit(self) -> LocalFit:
        """How the labels change with the latents around z."""
        return fit_labels(self.catalog, self._neighbours, self.z)

    def steer(self, name: str, target: float) -> Steered:
        """Move z so that one label comes to a value while the others stay.

        The stars are not asked yet whether they support it: see `asked`.
        """
        locked = tuple(self.locked)
        start = (self._neighbours, self.z)
        found = steer(self.catalog, *start, name, target, locked=locked, judged=False)
        if found.z != self.z:
            self._slide(found.z)
        return found

    def asked(self, name: str) -> Callable[[], Direction]:
        """What asks the stars about the way from where the last gesture began to z.

        For a thread: it looks at all labels of the catalog, and touches nothing of the page.
        """
        start = self.z if self.previous_z is None else self.previous_z
        points = (self._neighbours, start, self.z)
        return partial(asked_of_stars, self.catalog, *points, name, locked=tuple(self.locked))

    def suppose(self, what_if: Counterfactual) -> None:
        """Move z to where a star would be with another label; the star stays shown."""
        self.release()
        star, z = tuple(what_if.z.tolist()), what_if.steered.z
        self.param.update(previous_z=star, z=z, star=what_if.row, own_star=None)

    # Paths

    def pin(self, which: int) -> None:
        """Keep z as the path's start (0) or end (1)."""
        self.pins = (self.z, self.pins[1]) if which == 0 else (self.pins[0], self.z)

    def follow(self, path: LatentPath) -> None:
        """Put z at the start of a path."""
        self.go_to(path.at(0.0), path=path, place=0.0)

    def go_along(self, place: float) -> None:
        """Move z to a place on the path, from 0 to 1.

        Raises
        ------
        InputError
            When there is no path.
        """
        if self.path is None:
            raise InputError("there is no path: pin two points, or choose a track")
        pairs = self._pairs(self.path.at(place))
        z = tuple(old if i in self.locked else new for i, (old, new) in pairs)
        self.param.update(place=min(max(place, 0.0), 1.0), z=z, star=None, own_star=None)

    # What is shown

    @property
    def observed(self) -> Spectra | None:
        """The observed spectrum of the star that z came from, truncated where that is asked for."""
        if self.own_star is not None:
            return self.shown(self.own.spectra[self.own_star])
        if self.star is None or not self.catalog.has_spectra:
            return None
        return self.shown(self.catalog.spectra[self.star])

    def shown(self, spectra: Spectra) -> Spectra:
        """Observed spectra as they are drawn: whole, or with their relevant bases alone."""
        return spectra.truncated() if self.truncated else spectra

    @property
    def latent_std(self) -> np.ndarray | None:
        """Width of the posterior of the star that z is, (K,); None where z is no star's."""
        if self._own_itself:
            return self.own.encoded.std[self.own_star].astype(np.float64)
        if self.own_star is not None or not self.at_star:
            return None
        widths = map(width_column, self.catalog.latents)
        return np.array([self.catalog[width][self.star] for width in widths], np.float64)

    @property
    def _own_itself(self) -> bool:
        """Whether z is that of one of the visitor's own stars, not moved since."""
        if self.own_star is None:
            return False
        return self.z == tuple(map(float, self.own.encoded.mean[self.own_star]))

    @property
    def star_g_mag(self) -> float:
        """G magnitude of the star that z came from; NaN where there is none or it has none."""
        if self.own_star is not None:
            return float(self.own.g_mag[self.own_star])
        return float("nan") if self.star is None else self._g_mag_of(self.star)

    def _g_mag_of(self, row: int) -> float:
        return float(g_mag_from_flux(self.catalog["phot_g_mean_flux"][row : row + 1])[0])

    @property
    def parallax(self) -> float:
        """Of the star that z came from [mas]; NaN where it is not known."""
        return self._star_value("parallax")

    @property
    def parallax_over_error(self) -> float:
        """Of the star that z came from; NaN where it is not known."""
        error = self._star_value("parallax_error")
        return self.parallax / error if error > 0 else float("nan")

    def _star_value(self, column: str) -> float:
        if self.own_star is not None:
            values = self.own.values(column)
            return float("nan") if values is None else float(values[self.own_star])
        if self.star is None or column not in self.catalog.numeric:
            return float("nan")
        return float(self.catalog[column][self.star])

    @property
    def scale(self) -> float:
        """What multiplies a spectrum per unit G flux; NaN at 1 kpc without a good parallax."""
        if self.mode == "flux_1kpc":
            if self.parallax_over_error < LEAST_PARALLAX_OVER_ERROR:
                return float("nan")
            return float(scale_at_1kpc(g_flux_from_mag(self.star_g_mag), self.parallax))
        return float(g_flux_from_mag(self.g_mag))

    def value(self, column: str) -> float:
        """Where z lies on a column's axis: a latent's value, else the median of the near stars."""
        if column in self.catalog.latents:
            return self.z[self.catalog.latents.index(column)]
        return self.near.median(column)

    @property
    def near(self) -> Surroundings:
        """The real stars around z; the one that z is, is left out."""
        key = (self.z, self._itself)
        if self._near is None or self._near[0] != key:
            found = Surroundings.of(self.catalog, self._neighbours, self.z, N_NEAR, key[1])
            self._near = (key, found)
        return self._near[1]

    @property
    def near_source(self) -> NearestStars:
        """What names these stars in a set."""
        itself = self._itself
        exclude = None if itself is None else int(self.catalog.source_id[itself])
        return NearestStars(self.z, len(self.near.rows), exclude)

    def near_own(self, index: int) -> NearestStars:
        """What names the stars near one of the visitor's own."""
        z = tuple(map(float, self.own.encoded.mean[index]))
        return NearestStars(z, self.own_near.rows.shape[1], int(self.own.source_id[index]))

    @property
    def _itself(self) -> int | None:
        """Row of the star that z is."""
        if self.own_star is None:
            return self.star if self.at_star else None
        return self.own_near.itself(self.own_star) if self._own_itself else None

    @property
    def _neighbours(self) -> Neighbours:
        return neighbours_of(self.catalog)  # the tree answers sooner than a GPU: docs/gpu.md


def _median(values: np.ndarray) -> float:
    """The median of the finite values; 0, in the middle of the prior, where there is none."""
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else 0.0
