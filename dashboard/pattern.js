import { colour } from './theme.js'

const TILE = 8

/** Patterns in a tile of 8 x 8 pixels. They can be told apart without colours. @type {ReadonlyArray<(context: CanvasRenderingContext2D) => void>} */
const DRAWINGS = [
  () => {},
  context => strokes(context, [[0, 8, 8, 0], [-2, 2, 2, -2], [6, 10, 10, 6]]),
  context => dots(context, [[2, 2], [6, 6]]),
  context => strokes(context, [[0, 2, 8, 2], [0, 6, 8, 6]]),
  context => strokes(context, [[0, 0, 8, 8], [-2, 6, 2, 10], [6, -2, 10, 2]]),
  context => strokes(context, [[2, 0, 2, 8], [6, 0, 6, 8]]),
  context => strokes(context, [[0, 4, 8, 4], [4, 0, 4, 8]]),
  context => strokes(context, [[0, 8, 8, 0], [0, 0, 8, 8]])
]

/** How many patterns there are. `test/admin/close-reason-texts.test.ts` fails where one side has more close reasons. */
export const PATTERNS = DRAWINGS.length

/**
 * A fill. Its pattern differs from others of the same group, and its colour from other groups.
 *
 * @param {string} group a colour's name in style.css, without `group-`
 * @param {number} nth
 * @returns {CanvasPattern}
 */
export function pattern (group, nth) {
  const tile = document.createElement('canvas')
  tile.width = tile.height = TILE
  const context = /** @type {CanvasRenderingContext2D} */ (tile.getContext('2d'))
  context.fillStyle = colour(`group-${group}`)
  context.fillRect(0, 0, TILE, TILE)
  context.strokeStyle = context.fillStyle = colour('pattern')
  context.lineWidth = 1.5
  DRAWINGS[nth % PATTERNS]?.(context)
  return /** @type {CanvasPattern} */ (context.createPattern(tile, 'repeat'))
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasPattern} fill
 */
export function paintSwatch (canvas, fill) {
  canvas.width = 14
  canvas.height = 14
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'))
  context.fillStyle = fill
  context.fillRect(0, 0, 14, 14)
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number[][]} lines
 */
function strokes (context, lines) {
  context.beginPath()
  for (const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] of lines) {
    context.moveTo(x1, y1)
    context.lineTo(x2, y2)
  }
  context.stroke()
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number[][]} centres
 */
function dots (context, centres) {
  for (const [x = 0, y = 0] of centres) context.fillRect(x - 1, y - 1, 2.5, 2.5)
}
