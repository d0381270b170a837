"""The small line of text above a view."""

from __future__ import annotations

import panel as pn
from bokeh.models import ColumnDataSource, Div

from xpapp.assets import script


class LiveLine:
    """A line whose text changes often, also while it is not seen.

    Panel's own pane, when it is told something while its tab is closed, sends the browser to
    another host for its style.

    Parameters
    ----------
    size : str
        Of the font.
    name : str, optional
        Of the source that carries the text.

    Attributes
    ----------
    model : Div
        What is on the page.
    """

    def __init__(self, size: str = "0.85rem", name: str | None = None) -> None:
        self.model = Div(
            text="&nbsp;",
            disable_math=True,
            sizing_mode="stretch_width",
            margin=(0, 10),
            styles={"font-size": size, "opacity": "0.9"},
        )
        self._source = ColumnDataSource({"text": []}, name=name)
        self._source.js_on_change("data", script(__file__, "write_text.js", div=self.model))
        self.model.tags = [self._source]
        self._text = self.model.text

    @property
    def text(self) -> str:
        """What it says, as HTML."""
        return self._text

    @text.setter
    def text(self, text: str) -> None:
        if text == self._text:
            return
        self._text = text
        if self.model.document is None:
            self.model.text = text
        else:
            self._source.data = {"text": [text]}

    @property
    def pane(self) -> pn.pane.Bokeh:
        """What holds it."""
        return pn.pane.Bokeh(self.model, sizing_mode="stretch_width", margin=0)


def status_line(text: str = "&nbsp;") -> pn.pane.HTML:
    """A line that a view fills; it is as high when empty, since plots below do not move up."""
    return pn.pane.HTML(
        text,
        sizing_mode="stretch_width",
        margin=(0, 10),
        styles={"font-size": "0.85rem", "opacity": "0.9"},
    )
