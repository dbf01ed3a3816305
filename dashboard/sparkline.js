import { element } from './element.js'
import { colour } from './theme.js'

const WIDTH = 84
const HEIGHT = 20
const POINTS = 60

/** A line chart of the last minute. The figure beside it has the latest value as text. */
export class Sparkline {
  canvas = element('canvas', { class: 'spark', 'aria-hidden': 'true' })
  /** @type {CanvasRenderingContext2D | undefined} */
  #context

  /** @param {readonly number[]} values the latest last */
  draw (values) {
    const context = this.#context ??= this.#open()
    context.clearRect(0, 0, WIDTH, HEIGHT)
    if (values.length < 2) return
    const most = Math.max(1, ...values)
    const step = WIDTH / (POINTS - 1)
    const start = WIDTH - (values.length - 1) * step
    context.beginPath()
    values.forEach((value, i) => context.lineTo(start + i * step, HEIGHT - 1.5 - value / most * (HEIGHT - 3)))
    context.strokeStyle = colour('line')
    context.lineWidth = 1.25
    context.stroke()
    context.lineTo(WIDTH, HEIGHT)
    context.lineTo(start, HEIGHT)
    context.fillStyle = colour('line-fill')
    context.fill()
  }

  #open () {
    const ratio = Math.max(1, devicePixelRatio)
    this.canvas.width = WIDTH * ratio
    this.canvas.height = HEIGHT * ratio
    const context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext('2d'))
    context.scale(ratio, ratio)
    return context
  }
}
