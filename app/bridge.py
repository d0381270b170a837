"""Between the browser's window and the visit: keys, downloads, a lost connection."""

from __future__ import annotations

from collections.abc import Callable

import param
from panel.custom import JSComponent

KEYS = (
    ("Ctrl Z, ⌘ Z", "undo the last change of sets or filter"),
    ("Ctrl Shift Z, Ctrl Y", "do it again"),
    ("Esc", "drop the outline being drawn; close what is open"),
    ("Shift + drag", "add what the outline holds to the set"),
    ("Alt + drag", "subtract it"),
    ("Shift Alt + drag", "keep only what is in both"),
    ("Wheel", "zoom a map; over an axis, that axis alone"),
    ("Click on a map", "go to the nearest star, or the point of a track"),
    ("?", "this list"),
)


class Bridge(JSComponent):
    """Sends keys to the server, lets the browser fetch files, and shows that work is under way.

    The page's own busy light is Panel's, which all visits of a process share, and to switch it
    takes the server longer than a lasso does.

    When the server is gone it says so, waits for it, and opens the page anew: the address holds
    the visit's state.
    """

    busy = param.Boolean(False, doc="Whether work for this visitor is under way.")

    _esm = """
    export function render({model, el}) {
      const typing = event => event.composedPath().some(
        e => ["INPUT", "TEXTAREA"].includes(e.tagName) || e.isContentEditable)
      const keys = event => {
        const control = event.ctrlKey || event.metaKey
        const key = event.key.toLowerCase()
        let name = null
        if (control && key === "z") name = event.shiftKey ? "redo" : "undo"
        else if (control && key === "y") name = "redo"
        else if (event.key === "Escape") name = "escape"
        else if (event.key === "?" && !control) name = "help"
        if (name === null || (name !== "escape" && typing(event))) return
        if (name !== "escape") event.preventDefault()
        model.send_msg({key: name})
      }
      document.addEventListener("keydown", keys)
      model.on("remove", () => document.removeEventListener("keydown", keys))

      const bar = document.createElement("div")
      bar.setAttribute("aria-label", "The server is working")
      bar.style.cssText = `position: fixed; inset: 0 0 auto 0; z-index: 9999; height: 4px;
        pointer-events: none; background: linear-gradient(90deg, #ffd8a8, #d9480f, #ffd8a8);
        background-size: 50% 100%`
      bar.animate([{backgroundPosition: "0 0"}, {backgroundPosition: "100% 0"}],
                  {duration: 900, iterations: Infinity})
      const show = () => {
        bar.hidden = !model.busy
        bar.setAttribute("role", model.busy ? "progressbar" : "none")
      }
      show()
      document.body.append(bar)
      model.on("busy", show)
      model.on("remove", () => bar.remove())

      const base = location.pathname.replace(/\\/+$/, "")
      model.on("msg:custom", event => {
        const {download} = event.data ?? event
        if (download == null) return
        const link = document.createElement("a")
        link.href = `${base}/export/${download}`
        link.download = ""
        document.body.append(link)
        link.click()
        link.remove()
      })

      let lost = false
      const wait = async banner => {
        while (true) {
          await new Promise(resolve => setTimeout(resolve, 1000))
          try {
            const answer = await fetch(location.href, {cache: "no-store"})
            if (answer.ok) break
          } catch (error) {
            continue
          }
        }
        banner.textContent = "The server is back: opening the page again"
        location.reload()
      }
      Bokeh.documents[0].on_event("connection_lost", () => {
        if (lost) return
        lost = true
        const banner = document.createElement("div")
        banner.setAttribute("role", "alert")
        banner.textContent =
          "The connection to the server is lost. Trying again every second; your sets are kept."
        banner.style.cssText = `position: fixed; inset: 0 0 auto 0; z-index: 99999; padding: 14px;
          text-align: center; font: 15px sans-serif; background: #8a2c0a; color: #fff`
        document.body.append(banner)
        wait(banner)
      })
    }
    """

    def __init__(self, on_key: Callable[[str], None]) -> None:
        super().__init__(width=0, height=0, margin=0, sizing_mode="fixed")
        self._on_key = on_key

    def _handle_msg(self, data: object) -> None:
        if isinstance(data, dict) and isinstance(data.get("key"), str):
            self._on_key(data["key"])

    def download(self, path: str) -> None:
        """Let the browser fetch what the server offers under a path."""
        self._send_msg({"download": path})
