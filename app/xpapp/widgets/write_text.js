// What Bokeh does for a new text it does for the layout of the whole page, in some 10 ms.
export default ({div}, source, data, {index}) => {
  const text = source.data.text[0]
  // For when it is laid out again.
  div.setv({text}, {silent: true})
  const view = index.find_one(div)
  if (view?.markup_el) view.markup_el.innerHTML = text
}
