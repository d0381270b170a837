"""Buttons that offer what a plot of spectra shows as a file."""

from __future__ import annotations

from collections.abc import Callable

from bokeh.models import Button, Select

from xpapp.browser.sender import Sender
from xpapp.runtime.callbacks import notify
from xpapp.state.visit import Visit
from xpapp.widgets.bokeh_widgets import button, select
from xpmodel.plots.plot_files import FORMATS, write_plot
from xpmodel.plots.spectrum_plots import Plot


def offer_plot(
    visit: Visit, sender: Sender, plot: Callable[[], Plot | None], name: str
) -> tuple[Select, Button]:
    """A choice of formats and a button.

    Parameters
    ----------
    visit : Visit
        Says whether a figure marks lines.
    sender : Sender
    plot : callable
        What is shown when the button is clicked; None where there is nothing.
    name : str
        Of the file, and of the two on the page.
    """
    titles = {ending: form.title for ending, form in FORMATS.items()}
    kind = select(titles, ".ecsv", lambda value: None, "Choosing the format", width=88)
    kind.name = f"{name}_format"

    def send() -> None:
        shown, ending, lines = plot(), kind.value, visit.cursor.lines
        if shown is None:
            notify("There is nothing to export yet: draw first")
            return
        sender.send(
            f"{name}{ending}",
            FORMATS[ending].mime,
            lambda path: write_plot(path, shown, lines=lines),
        )

    return kind, button("Export", send, "Exporting the spectra", name=f"{name}_export")
