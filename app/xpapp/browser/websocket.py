"""The page's websocket handler, which sends each part of a message without delay."""

from __future__ import annotations

from typing import Any

from xpapp.runtime.private_parts import PageSocket


class PromptSocket(PageSocket):
    """Sends each part of a message when it is written.

    Bokeh's messages have three parts and more, each a small packet. By TCP's default (Nagle) the
    second waits until the browser has confirmed the first, up to 40 ms.
    """

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Begin, without the wait."""
        super().open(*args, **kwargs)
        self.set_nodelay(True)
