export default ({at, tip}) => {
  at.outside = true
  clearTimeout(at.resting)
  tip.visible = false
}
