"""What Bokeh and Panel do not promise to keep and the page uses all the same: here, nowhere else.

Each says what it reaches and why there is no public way. Where a part is not what it was in the
version that this was written for, an error names the package, its version and what has changed.
Of what scripts and style sheets reach, `widgets/write_text.js` asks Bokeh's view of a Div for its
`markup_el`, and `widgets/*.css` name classes of Bokeh's elements (`bk-btn`, `slick-row`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from bokeh.plotting import figure as Figure
from panel.custom import JSComponent
from tornado.web import RequestHandler

from xpmodel import _private_parts
from xpmodel._private_parts import Changed

WRITTEN_FOR = {"bokeh": "3.9.2", "panel": "1.9.4"}
"""The versions of the packages that this was written for."""

_expecting = partial(_private_parts.expecting, written_for=WRITTEN_FOR)

with _expecting("io.server.WSHandler", "panel"):
    from panel.io.server import WSHandler
with _expecting("UnsetValueError of core.property.descriptors", "bokeh"):
    from bokeh.core.property.descriptors import UnsetValueError

PageSocket = WSHandler
"""The websocket of a page. Neither Panel nor Bokeh lets one set an option of its connection."""


def add_page_routes(
    routes: Sequence[tuple[str, type[RequestHandler]]], socket: type[PageSocket]
) -> None:
    """Give each page of servers to come more routes, and another websocket: `per_app_patterns`.

    The list in bokeh.server.urls, which Panel fills anew, is what `panel serve` makes routes of;
    its own options take files and whole applications only.

    Parameters
    ----------
    routes : sequence of (str, type)
        Pattern behind the page's address, and handler.
    socket : type
        Takes the place of `PageSocket`.

    Raises
    ------
    InputError
        When Bokeh or Panel has changed it.
    """
    with _expecting("per_app_patterns of server.urls", "bokeh"):
        from bokeh.server.urls import per_app_patterns

        kept = list(per_app_patterns)
    with _expecting("the routes of a page", "panel"):
        sockets = [i for i, route in enumerate(kept) if issubclass(route[1], PageSocket)]
        if len(sockets) != 1:
            raise Changed(f"{len(sockets)} of them are io.server.WSHandler")
    kept[sockets[0]] = (kept[sockets[0]][0], socket)
    per_app_patterns[:] = [*kept, *(route for route in routes if route not in kept)]


def inner_size(figure: Figure) -> tuple[int, int] | None:
    """Width and height of a figure's frame [pixels]; None before the browser has told them.

    Then its properties raise Bokeh's `UnsetValueError`, and no public function asks for them.
    """
    try:
        return int(figure.inner_width), int(figure.inner_height)
    except UnsetValueError:
        return None


def send_to_browser(component: JSComponent, data: object) -> None:
    """Send what a component's script hears as ``msg:custom``: `_send_msg` of the component.

    Panel's documentation names it, and has no public one; what comes back, `on_msg` takes.

    Raises
    ------
    InputError
        When Panel has changed it.
    """
    with _expecting("JSComponent._send_msg", "panel"):
        send = component._send_msg
    send(data)
