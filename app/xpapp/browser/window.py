"""The bridge between the browser's window and the visit: keys, files, a lost connection."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import param
from panel.custom import JSComponent

from xpapp.runtime.callbacks import notify
from xpapp.runtime.private_parts import send_to_browser

if TYPE_CHECKING:
    from panel.models.esm import DataEvent


class Bridge(JSComponent):
    """Sends keys and files to the server, lets the browser fetch files, shows that work goes on.

    The page's own busy light is Panel's, which all visits of a process share, and to switch it
    takes the server longer than a lasso does.

    When the server is gone it says so, waits for it, and opens the page anew: the address holds
    the visit's state.

    Parameters
    ----------
    presses : list of dict
        The keys that the browser sends, as `xpapp.keys.Press.for_browser` describes them.
    on_key : callable
        Is told the name of a press' action.
    """

    busy = param.Boolean(False, doc="Whether work for this visitor is under way.")
    inbox = param.String(doc="Token under which the server takes files; empty where it takes none.")
    max_bytes = param.Integer(0, doc="How large a file may be.")
    presses = param.List(doc="Keys to send.")

    _esm = Path(__file__).with_name("window.js")

    def __init__(self, presses: list[dict[str, Any]], on_key: Callable[[str], None]) -> None:
        super().__init__(presses=presses, width=0, height=0, margin=0, sizing_mode="fixed")
        self._on_key = on_key
        self.on_msg(self._on_message)

    def _on_message(self, event: DataEvent) -> None:
        match event.data:
            case {"key": str(key)}:
                self._on_key(key)
            case {"refused": str(name), "size": int(size)}:
                limit = self.max_bytes / 2**20
                notify(f"{name[:80]} has {size / 2**20:.0f} MB: at most {limit:.0f} MB are taken")
            case {"failed": str(name), "status": 503}:
                notify(f"{name[:80]}: the server is reading other files; give it again soon")
            case {"failed": str(name), "status": int(status)}:
                notify(f"{name[:80]} could not be sent (HTTP {status})")

    def download(self, path: str) -> None:
        """Let the browser fetch what the server offers under a path."""
        send_to_browser(self, {"download": path})
