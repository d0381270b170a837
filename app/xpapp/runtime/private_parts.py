"""What Bokeh and Panel do not promise to keep and the page uses all the same: here, nowhere else.

Each says what it reaches and why there is no public way. Where a part is not what it was in the
version that this was written for, an error names the package, its version and what has changed.
Of what scripts and style sheets reach, `widgets/write_text.js` asks Bokeh's view of a Div for its
`markup_el`, `maps/drag_begins.js` changes what the views of drawing tools do with a drag
(`_pan_start`, `_pan`, `_pan_end`, `_keyup`), `browser/window.js` how long a press is
(`UIGestures.press_threshold`), and `widgets/*.css` name classes of Bokeh's elements
(`bk-btn`, `slick-row`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import panel_material_ui as pmui
from bokeh.document import Document
from bokeh.plotting import figure as Figure
from panel.custom import JSComponent
from tornado.web import RequestHandler

from xpapp.runtime.watchers import stop
from xpmodel import _private_parts
from xpmodel._private_parts import Changed

WRITTEN_FOR = {"bokeh": "3.9.2", "panel": "1.9.4", "param": "2.4.2"}
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


def unlink_busy(page: pmui.Page) -> None:
    """Let a page no longer follow Panel's busy light: `_param__private.ref_watchers` of the page.

    The light is one for all visits of a process, which would hold each page that follows it for as
    long as the process lives, and tell all of them of each visitor's every move. Param drops such
    a link when its parameter is set, but not what watches for it; no option of Panel Material UI
    prevents the link.

    Raises
    ------
    InputError
        When Param has changed it.
    """
    with _expecting("_param__private.ref_watchers of Parameterized", "param"):
        private = page._param__private
        stop([watcher for _, watcher in private.ref_watchers])
        private.ref_watchers = []
        private.refs.pop("busy")


def forget_views(document: Document) -> None:
    """Let Panel keep nothing of a document that is gone: `_views` of panel.io.state.

    It forgets the page, but not the notifications that Panel Material UI has put beside it, and
    by them the whole document.

    Raises
    ------
    InputError
        When Panel has changed it.
    """
    with _expecting("io.state.state._views", "panel"):
        from panel.io.state import state

        for ref, (view, root, of, _) in list(state._views.items()):
            if of is document:
                view._cleanup(root)
                del state._views[ref]
