/* oxlint-disable no-underscore-dangle -- Bokeh calls its tools' parts so */
// Bokeh's lasso and its pencil begin inside of the frame only. Led in from an axis they raise an
// error with each move, and the map takes no other drag from then on; and once Escape has dropped
// what was drawn of an outline, the rest of the drag goes on drawing. This tells the tools of a map,
// when its first drag begins: what is drawn begins where the pointer comes into the frame, and not
// again once dropped.
function drop(view) {
  if ("overlay" in view.model) {
    view._clear_overlay()
    // The box knows by its corner that it is drawn, the lasso by a mark.
    if ("_base_point" in view) view._base_point = null
    else view._is_selecting = false
  } else {
    view.model.renderers[0].data_source.data = {xs: [], ys: []}
  }
}

function mend(view, frame, begun) {
  if (view.mended) return
  const {_pan_start, _pan, _pan_end, _keyup} = view
  let drawing = frame.bbox.contains(begun.sx, begun.sy)
  let dropped = false
  const begin = (event) => {
    drawing = !dropped && frame.bbox.contains(event.sx, event.sy)
    if (drawing) _pan_start.call(view, event)
  }
  Object.assign(view, {
    mended: true,
    _pan_start: (event) => {
      dropped = false
      begin(event)
    },
    _pan: (event) => {
      if (!drawing) begin(event)
      if (drawing) _pan.call(view, event)
    },
    _pan_end: (event) => {
      if (drawing) _pan_end.call(view, event)
      drawing = false
    },
    _keyup: (event) => {
      if (event.key === "Escape" && drawing && view.model.active) {
        dropped = true
        drawing = false
        drop(view)
      } else {
        _keyup.call(view, event)
      }
    },
  })
}

export default ({plot, tools}, event, _data, {index}) => {
  const {frame, tool_views} = index.find_one(plot)
  for (const tool of tools) mend(tool_views.get(tool), frame, event)
}
