export function render({el}) {
  const box = document.createElement("label")
  box.textContent = "Drop a file of XP spectra here, or anywhere on the page, or click"
  const input = document.createElement("input")
  input.type = "file"
  input.setAttribute("aria-label", "A file of XP spectra")
  input.addEventListener("change", () => {
    for (const file of input.files) {
      window.dispatchEvent(new CustomEvent("xpmodel-file", {detail: file}))
    }
    input.value = ""
  })
  box.append(input)
  el.append(box)
}
