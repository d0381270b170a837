// The server's answer may come when the pointer has left.
export default ({at}, tip) => {
  if (at.outside) tip.visible = false
}
