// Between the browser's window and the server: keys, files, a lost connection, the busy light, and
// what the browser keeps of closed views.

const FIELDS = new Set(["INPUT", "TEXTAREA", "SELECT"])
// They have their own use for keys: a slider's handle, tabs, a list.
const CONTROLS = new Set(["slider", "tab", "listbox", "combobox", "menu"])

const typing = (event) =>
  event.composedPath().some((e) => FIELDS.has(e.tagName) || e.isContentEditable)
const onControl = (event) =>
  event.composedPath().some((e) => CONTROLS.has(e.getAttribute?.("role")))

// A modifier that a press leaves open is null.
const agrees = (wanted, held) => wanted === null || wanted === held

const fits = (press, event) =>
  press.event === event.type &&
  press.key === event.key.toLowerCase() &&
  agrees(press.control, event.ctrlKey || event.metaKey) &&
  agrees(press.shift, event.shiftKey) &&
  agrees(press.alt, event.altKey)

const allowed = (press, event) => {
  if (press.where === "everywhere") return true
  return !typing(event) && (press.where === "outside text" || !onControl(event))
}

function listen(model, target, listeners) {
  for (const [name, listener] of Object.entries(listeners)) target.addEventListener(name, listener)
  model.on("remove", () => {
    for (const [name, listener] of Object.entries(listeners)) {
      target.removeEventListener(name, listener)
    }
  })
}

function sendKeys(model) {
  const onKey = (event) => {
    const press = model.presses.find((one) => fits(one, event))
    if (!press || !allowed(press, event)) return
    // What works everywhere leaves the browser and other views their own use of the key.
    if (press.where !== "everywhere") event.preventDefault()
    model.send_msg({key: press.action})
  }
  listen(model, document, {keydown: onKey, keyup: onKey})
}

function showWork(model) {
  const bar = document.createElement("div")
  bar.setAttribute("aria-label", "The server is working")
  bar.style.cssText = `position: fixed; inset: 0 0 auto 0; z-index: 9999; height: 4px;
    pointer-events: none; background: linear-gradient(90deg, #ffd8a8, #d9480f, #ffd8a8);
    background-size: 50% 100%`
  bar.animate([{backgroundPosition: "0 0"}, {backgroundPosition: "100% 0"}], {
    duration: 900,
    iterations: Infinity,
  })
  const show = () => {
    bar.hidden = !model.busy
    bar.setAttribute("role", model.busy ? "progressbar" : "none")
  }
  show()
  document.body.append(bar)
  model.on("busy", show)
  model.on("remove", () => bar.remove())
}

function fetchFiles(model, base) {
  model.on("msg:custom", (event) => {
    const {download} = event.data ?? event
    if (!download) return
    const link = document.createElement("a")
    link.href = `${base}/export/${download}`
    link.download = ""
    document.body.append(link)
    link.click()
    link.remove()
  })
}

// Files: dropped anywhere, or chosen.
function sendFiles(model, base) {
  const send = (file) => {
    if (file.size > model.max_bytes) {
      model.send_msg({refused: file.name, size: file.size})
      return
    }
    const request = new XMLHttpRequest()
    request.open("PUT", `${base}/upload/${model.inbox}`)
    request.setRequestHeader("X-Filename", encodeURIComponent(file.name))
    const failed = () => model.send_msg({failed: file.name, status: request.status})
    request.addEventListener("error", failed)
    request.addEventListener("load", () => {
      if (request.status !== 204) failed()
    })
    request.send(file)
  }
  const holdsFiles = (event) => model.inbox && event.dataTransfer?.types.includes("Files")
  const dragover = (event) => {
    if (holdsFiles(event)) event.preventDefault()
  }
  const drop = (event) => {
    if (!holdsFiles(event)) return
    event.preventDefault()
    for (const file of event.dataTransfer.files) send(file)
  }
  const chosen = (event) => {
    if (model.inbox) send(event.detail)
  }
  listen(model, document, {dragover, drop})
  listen(model, window, {"xpmodel-file": chosen})
}

function openAgain(banner) {
  const ask = async () => {
    const answer = await fetch(location.href, {cache: "no-store"}).catch(() => null)
    if (answer?.ok) {
      banner.textContent = "The server is back: opening the page again"
      location.reload()
    } else {
      setTimeout(ask, 1000)
    }
  }
  setTimeout(ask, 1000)
}

function outliveServer() {
  let lost = false
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
    openAgain(banner)
  })
}

// Bokeh forgets what has left the page once nothing has changed for half a minute: never, while a
// visitor works. Here a second goes by, however much changes; without a change, nothing runs.
function forgetClosed(model) {
  const [page] = Bokeh.documents
  let timer = null
  const forget = () => {
    timer = null
    page.freeze_all_models(() => {})
  }
  const later = () => {
    timer ??= setTimeout(forget, 1000)
  }
  page.on_change(later)
  model.on("remove", () => {
    page.remove_on_change(later)
    clearTimeout(timer)
  })
}

// A table whose tab is left before the browser has laid it out has no place for its grid. Bokeh
// takes it to have one: its error would break the tabs off with which the table goes.
function spareTables() {
  const {prototype} = Bokeh.Models.get("DataTable").prototype.default_view
  if (prototype.spared) return
  const {_after_render, _after_layout, _after_resize, remove} = prototype
  Object.assign(prototype, {
    spared: true,
    _after_render(...details) {
      if (this.el.isConnected) _after_render.apply(this, details)
    },
    _after_layout(...details) {
      if (this.el.isConnected) _after_layout.apply(this, details)
    },
    _after_resize(...details) {
      if (this.el.isConnected) _after_resize.apply(this, details)
    },
    remove(...details) {
      this.grid ??= {destroy() {}}
      this.cds_view ??= {remove() {}}
      remove.apply(this, details)
    },
  })
}

// Bokeh takes a button that stays down for 0.3 s for a long press, and lets the drag that follows do
// nothing: an outline begun with care, or on a busy computer, would be lost. No tool here has a use
// for long presses. (A timer cannot wait longer than this.)
function dragAfterAnyPress() {
  Bokeh.require("core/ui_gestures").UIGestures.press_threshold = 2 ** 31 - 1
}

export function render({model}) {
  const base = location.pathname.replace(/\/+$/u, "")
  sendKeys(model)
  showWork(model)
  fetchFiles(model, base)
  sendFiles(model, base)
  outliveServer()
  forgetClosed(model)
  spareTables()
  dragAfterAnyPress()
}
