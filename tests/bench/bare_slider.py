"""The floor of the slider: a Bokeh page with a slider and a data source, and nothing else.

``bokeh serve`` runs this file for each visit.
"""

import numpy as np
from bokeh.io import curdoc
from bokeh.models import ColumnDataSource, Slider

COLUMNS = ("wavelength", "flux", "lower", "upper")
N_POINTS = 343

rng = np.random.default_rng()


def fresh() -> dict[str, np.ndarray]:
    return {name: rng.random(N_POINTS) for name in COLUMNS}


source = ColumnDataSource(fresh(), name="spectrum_source")


def on_value(attr: str, old: float, new: float) -> None:
    source.data = fresh()


# The tag takes the source to the browser, where nothing draws it.
slider = Slider(
    name="z1", title="z1", start=-3, end=3, step=0.006, value=0, width=500, tags=[source]
)
slider.on_change("value", on_value)
curdoc().add_root(slider)
