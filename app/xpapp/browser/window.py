"""Between the browser's window and the visit: keys, files, a lost connection."""

from __future__ import annotations

from collections.abc import Callable

import param
from panel.custom import JSComponent

from xpapp.runtime.callbacks import notify

KEYS = (
    ("Ctrl Z, ⌘ Z", "undo the last change of sets or filter"),
    ("Ctrl Shift Z, Ctrl Y", "do it again"),
    ("Esc", "drop the outline being drawn; close what is open"),
    ("Shift + drag", "add what the outline holds to the set"),
    ("Alt + drag", "subtract it"),
    ("Shift Alt + drag", "keep only what is in both"),
    ("Wheel", "zoom a map; over an axis, that axis alone"),
    ("Click on a map", "go to the nearest star, or the point of a track"),
    ("Alt + click on a map", "go to the place itself"),
    ("← →", "move the latent marked ▸ (with Shift ten times as far)"),
    ("↑ ↓", "mark another latent"),
    ("L", "lock it, or let it go"),
    ("R", "go back to the catalog's median"),
    ("P", "play the path, or pause"),
    ("?", "this list"),
)


class Bridge(JSComponent):
    """Sends keys and files to the server, lets the browser fetch files, shows that work goes on.

    The page's own busy light is Panel's, which all visits of a process share, and to switch it
    takes the server longer than a lasso does.

    When the server is gone it says so, waits for it, and opens the page anew: the address holds
    the visit's state.
    """

    busy = param.Boolean(False, doc="Whether work for this visitor is under way.")
    inbox = param.String(doc="Token under which the server takes files; empty where it takes none.")
    max_bytes = param.Integer(0, doc="How large a file may be.")

    _esm = """
    export function render({model, el}) {
      const typing = event => event.composedPath().some(
        e => ["INPUT", "TEXTAREA", "SELECT"].includes(e.tagName) || e.isContentEditable)
      // What the arrows move already: a slider's handle, tabs, a list.
      const moving = event => event.composedPath().some(
        e => ["slider", "tab", "listbox", "combobox", "menu"].includes(e.getAttribute?.("role")))
      const keys = event => {
        const control = event.ctrlKey || event.metaKey
        const key = event.key.toLowerCase()
        let name = null
        if (control && key === "z") name = event.shiftKey ? "redo" : "undo"
        else if (control && key === "y") name = "redo"
        else if (event.key === "Escape") name = "escape"
        else if (event.key === "?" && !control) name = "help"
        else if (!control && !event.altKey && !moving(event))
          name = plain[key]?.[event.shiftKey ? 1 : 0] ?? null
        if (name === null || (name !== "escape" && typing(event))) return
        if (name !== "escape") event.preventDefault()
        model.send_msg({key: name})
      }
      // Without Shift, and with it.
      const plain = {
        arrowleft: ["less", "much less"], arrowright: ["more", "much more"],
        arrowup: ["before", null], arrowdown: ["next", null],
        l: ["lock", null], r: ["reset", null], p: ["play", null],
      }
      const released = event => {
        if (event.key.startsWith("Arrow") && !typing(event)) model.send_msg({key: "released"})
      }
      document.addEventListener("keydown", keys)
      document.addEventListener("keyup", released)
      model.on("remove", () => {
        document.removeEventListener("keydown", keys)
        document.removeEventListener("keyup", released)
      })

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

      // Files: dropped anywhere, or chosen.
      const send = file => {
        if (file.size > model.max_bytes) {
          model.send_msg({refused: file.name, size: file.size})
          return
        }
        const request = new XMLHttpRequest()
        request.open("PUT", `${base}/upload/${model.inbox}`)
        request.setRequestHeader("X-Filename", encodeURIComponent(file.name))
        const failed = () => model.send_msg({failed: file.name, status: request.status})
        request.onerror = failed
        request.onload = () => { if (request.status !== 204) failed() }
        request.send(file)
      }
      const holdsFiles = event => model.inbox && event.dataTransfer?.types.includes("Files")
      const over = event => { if (holdsFiles(event)) event.preventDefault() }
      const dropped = event => {
        if (!holdsFiles(event)) return
        event.preventDefault()
        for (const file of event.dataTransfer.files) send(file)
      }
      const chosen = event => { if (model.inbox) send(event.detail) }
      document.addEventListener("dragover", over)
      document.addEventListener("drop", dropped)
      window.addEventListener("xpmodel-file", chosen)
      model.on("remove", () => {
        document.removeEventListener("dragover", over)
        document.removeEventListener("drop", dropped)
        window.removeEventListener("xpmodel-file", chosen)
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
        match data:
            case {"key": str(key)}:
                self._on_key(key)
            case {"refused": str(name), "size": int(size)}:
                limit = self.max_bytes / 2**20
                notify(f"{name[:80]} has {size / 2**20:.0f} MB: at most {limit:.0f} MB are taken")
            case {"failed": str(name), "status": int(status)}:
                notify(f"{name[:80]} could not be sent (HTTP {status})")

    def download(self, path: str) -> None:
        """Let the browser fetch what the server offers under a path."""
        self._send_msg({"download": path})
