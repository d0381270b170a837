"""Where a file can be dropped or chosen; the bridge sends it."""

from __future__ import annotations

from panel.custom import JSComponent


class DropZone(JSComponent):
    """A box that says so. Files may be dropped anywhere on the page just as well."""

    _esm = """
    export function render({model, el}) {
      const box = document.createElement("label")
      box.style.cssText = `display: block; margin: 6px 10px; padding: 14px; text-align: center;
        border: 1.5px dashed rgba(128, 128, 128, 0.8); border-radius: 6px; cursor: pointer;
        font: 13px Roboto, Helvetica, Arial, sans-serif; color: inherit`
      box.textContent = "Drop a file of XP spectra here, or anywhere on the page, or click"
      const input = document.createElement("input")
      input.type = "file"
      input.style.display = "none"
      input.setAttribute("aria-label", "A file of XP spectra")
      input.addEventListener("change", () => {
        for (const file of input.files)
          window.dispatchEvent(new CustomEvent("xpmodel-file", {detail: file}))
        input.value = ""
      })
      box.append(input)
      el.append(box)
    }
    """
