// The server is asked where the pointer rests.
export default ({at, rest, tip}, {x, y, sx, sy}) => {
  tip.visible = false
  at.outside = false
  clearTimeout(at.resting)
  at.resting = setTimeout(() => {
    at.data = {x: [x], y: [y], left: [sx], top: [sy]}
  }, rest)
}
