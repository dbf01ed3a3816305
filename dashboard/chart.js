import { element, liveAttribute } from './element.js'
import { colour, themeVersion } from './theme.js'
import UPlot from './uplot.js'

/** @typedef {import('uplot').Options} Options */
/** @typedef {import('uplot').AlignedData} AlignedData */

const HEIGHT = 170
const FONT = '12px system-ui, sans-serif'

/** A uPlot chart that fills the width of its container, follows the theme, and has a text alternative. */
export class Chart {
  node = element('div', { class: 'chart', role: 'img' })
  #label = liveAttribute(this.node, 'aria-label')
  #options
  /** @type {UPlot | undefined} */
  #plot
  #made = ''
  #width = 0
  #sizes = new ResizeObserver(([entry]) => {
    this.#width = Math.floor(entry?.contentRect.width ?? 0)
    if (this.#width > 0) this.#plot?.setSize({ width: this.#width, height: HEIGHT })
  })

  /** @param {() => Omit<Options, 'width' | 'height'>} options called again when the theme or the shape has changed */
  constructor (options) {
    this.#options = options
    this.#sizes.observe(this.node)
  }

  /**
   * @param {AlignedData} data
   * @param {string} shape a key of what the options depend on, besides the theme
   * @param {string} words the text alternative
   */
  show (data, shape, words) {
    this.#label(words)
    if (this.#width === 0) return
    const made = `${themeVersion()} ${shape}`
    if (made === this.#made) return this.#plot?.setData(data)
    this.#made = made
    this.#plot?.destroy()
    this.#plot = new UPlot({ legend: { show: false }, ...this.#options(), width: this.#width, height: HEIGHT }, data, this.node)
  }

  close () {
    this.#sizes.disconnect()
    this.#plot?.destroy()
  }
}

/**
 * @param {import('uplot').Axis} options
 * @returns {import('uplot').Axis}
 */
export function axis (options) {
  const stroke = colour('muted')
  const grid = { stroke: colour('grid'), width: 1 }
  return { stroke, font: FONT, grid, ticks: { ...grid, size: 4 }, ...options }
}

/** The time axis of the last five minutes, in s before now. @returns {import('uplot').Axis} */
export function agoAxis () {
  return axis({
    splits: () => [-300, -240, -180, -120, -60, 0],
    values: (_plot, seconds) => seconds.map(s => s === 0 ? 'now' : `−${-s / 60} min`)
  })
}

/** @returns {import('uplot').Scales} */
export function agoScales () {
  return { x: { time: false, range: [-300, 0] }, y: { range: (_plot, _min, max) => [0, Math.max(4, max * 1.1)] } }
}

/** @type {import('uplot').Cursor} */
export const NO_CURSOR = { show: false }
export const CHART_FONT = FONT
