"""The state of one visit: the only thing on the page that changes. Views read it."""

from __future__ import annotations

from typing import Any

import numpy as np
import param

from xpmodel import Catalog, Model, Region, Step
from xpmodel.photometry import g_mag_from_flux
from xpmodel.selection import OPERATIONS, replay

DENSITY = "density"
DEFAULT_G_MAG = 15.0


class Visit(param.Parameterized):
    """Axes, color, selection and the point z of one visitor.

    Gestures call the methods; views watch the parameters.
    """

    x = param.String(doc="Column along the map's horizontal axis.")
    y = param.String(doc="Column along the map's vertical axis.")
    color = param.String(DENSITY, doc="'density', or the column whose mean colors the map.")
    operation = param.Selector(default="replace", objects=list(OPERATIONS))
    steps = param.Parameter(default=(), doc="The selection's steps, oldest first.")
    selected = param.Parameter(doc="The stars that the steps select, (N,) bool; None without.")
    z = param.Parameter(doc="The decoded point in latent space, K floats.")
    previous_z = param.Parameter(doc="Where z was before the gesture that moves it.")
    star = param.Parameter(doc="Row of the star that z came from, or None.")
    g_mag = param.Number(DEFAULT_G_MAG, doc="G magnitude of the flux shown.")
    lines = param.Boolean(False, doc="Whether spectral lines are marked.")
    dark = param.Boolean(False, doc="Whether the page is dark.")
    busy = param.Boolean(False, doc="Whether work for this visitor is under way.")

    def __init__(self, catalog: Catalog, model: Model | None, **params: Any) -> None:
        self.catalog = catalog
        self.model = model
        x, y = catalog.default_axes
        centre = tuple(float(np.nanmedian(catalog[name])) for name in catalog.latents)
        super().__init__(**{"x": x, "y": y, "z": centre, **params})
        self._moving = False

    @property
    def n_selected(self) -> int:
        """Number of selected stars."""
        return 0 if self.selected is None else int(self.selected.sum())

    def draw(self, region: Region, operation: str | None = None) -> None:
        """Apply a drawn outline to the selection."""
        step = Step(operation or self.operation, region)
        # Steps before a replacement no longer matter, neither to the stars nor to the recipe,
        # but undoing needs them.
        self._set_steps((*self.steps, step))

    def undo(self) -> None:
        """Take the last outline back."""
        self._set_steps(self.steps[:-1])

    def clear(self) -> None:
        """Select nothing."""
        self._set_steps(())

    def _set_steps(self, steps: tuple[Step, ...]) -> None:
        if len(steps) == len(self.steps) + 1 and self.selected is not None:
            selected = steps[-1].apply(self.selected, self.catalog)
        else:
            selected = replay(steps, self.catalog) if steps else None
        self.param.update(steps=steps, selected=selected)

    def move(self, index: int, value: float) -> None:
        """Move one latent of z, as a slider does while it is dragged."""
        if self.z[index] == value:
            return
        z = (*self.z[:index], float(value), *self.z[index + 1 :])
        if self._moving:
            self.z = z
        else:
            self._moving = True
            self.param.update(previous_z=self.z, z=z)

    def release(self) -> None:
        """End a drag: the next one keeps the spectrum that it starts from."""
        self._moving = False

    def visit_star(self, row: int) -> None:
        """Move z to a star's latents, and show its flux at its own magnitude."""
        self.release()
        z = self._latents_of(row)
        with param.parameterized.batch_call_watchers(self):
            self.star = int(row)
            self.param.update(previous_z=self.z, z=z, g_mag=self.star_g_mag)

    @property
    def star_g_mag(self) -> float:
        """G magnitude of the star that z came from."""
        flux = self.catalog["phot_g_mean_flux"][self.star : self.star + 1]
        return float(g_mag_from_flux(flux)[0])

    @property
    def at_star(self) -> bool:
        """Whether z is the star's own."""
        return self.star is not None and self.z == self._latents_of(self.star)

    def _latents_of(self, row: int) -> tuple[float, ...]:
        return tuple(float(self.catalog[name][row]) for name in self.catalog.latents)

    def leave_star(self) -> None:
        """Stop showing a star; z stays."""
        self.star = None
