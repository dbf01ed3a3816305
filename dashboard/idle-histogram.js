import { CHART_FONT, Chart, NO_CURSOR, axis } from './chart.js'
import { element, liveText } from './element.js'
import { binPosition, binsShown } from './idle-bins.js'
import { colour } from './theme.js'
import { counted, duration } from './units.js'
import UPlot from './uplot.js'

/** @typedef {import('../src/admin/api-shapes.js').TargetDetail} TargetDetail */

/** The idle times at which the backend closed connections, with the idle limits. */
export class IdleHistogram {
  /** @type {readonly number[]} */
  #edges = []
  #first = 0
  #last = 0
  /** @type {Array<{ name: string, ms: number, dash: number[] }>} */
  #limits = []
  #chart = new Chart(() => ({
    scales: { x: { time: false, range: () => [this.#first, this.#last + 1] }, y: { range: (_plot, _min, max) => [0, Math.max(4, max * 1.25)] } },
    cursor: NO_CURSOR,
    axes: [
      axis({ splits: () => this.#splits(), values: (_plot, places) => places.map(place => place === 0 ? '0' : duration(this.#edges[place - 1])) }),
      axis({ incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000], size: 44 })
    ],
    series: [{}, { fill: colour('group-backend'), width: 0, paths: /** @type {any} */ (UPlot.paths).bars({ size: [0.85, 40] }), points: { show: false } }],
    hooks: { draw: [plot => this.#drawLimits(plot)] }
  }))

  #empty = element('p', { class: 'empty' })
  #emptyText = liveText(this.#empty)

  node = element('div', {}, this.#chart.node, this.#empty)

  /** @param {TargetDetail} detail */
  show ({ history: { idleCloses: { edges, counts } }, target: { idleLimit } }) {
    this.#edges = edges
    this.#limits = [
      { name: 'learned', ms: idleLimit.learned, dash: [] },
      { name: 'hinted', ms: idleLimit.hinted, dash: [6, 3] },
      { name: 'configured', ms: idleLimit.configured, dash: [2, 3] }
    ].flatMap(({ name, ms, dash }) => typeof ms === 'number' && ms > 0 ? [{ name, ms, dash }] : [])
    const { first, last } = binsShown(counts, this.#limits.map(({ ms }) => binPosition(edges, ms)))
    this.#first = first
    this.#last = last
    const shown = counts.slice(first, last + 1)
    const total = counts.reduce((sum, n) => sum + n, 0)
    this.#chart.show([shown.map((_, i) => first + i + 0.5), shown], '', `${words(edges, counts, total)}. ${this.#limits.map(({ name, ms }) => `${name} limit ${duration(ms)}`).join(', ')}.`)
    this.#emptyText(total === 0 ? 'The backend has closed no idle connection. Until it does, nothing is learned, and the configured or hinted limit holds.' : '')
  }

  close () { this.#chart.close() }

  #splits () {
    const step = Math.ceil((this.#last + 1 - this.#first) / 7)
    const places = []
    for (let place = this.#first; place <= this.#last + 1; place += step) places.push(place)
    return places
  }

  /** @param {UPlot} plot */
  #drawLimits (plot) {
    const { ctx, bbox } = plot
    const ratio = UPlot.pxRatio
    ctx.save()
    ctx.font = CHART_FONT.replace('12px', `${12 * ratio}px`)
    ctx.textBaseline = 'top'
    ctx.textAlign = 'left'
    ctx.strokeStyle = ctx.fillStyle = colour('text')
    ctx.lineWidth = 1.5 * ratio
    this.#limits.forEach(({ name, ms, dash }, i) => {
      const x = plot.valToPos(binPosition(this.#edges, ms), 'x', true)
      ctx.setLineDash(dash.map(length => length * ratio))
      ctx.beginPath()
      ctx.moveTo(x, bbox.top)
      ctx.lineTo(x, bbox.top + bbox.height)
      ctx.stroke()
      const text = `${name} ${duration(ms)}`
      const wide = ctx.measureText(text).width
      // The label goes to the left of its line where there is no room on the right.
      const left = x + wide + 6 * ratio > bbox.left + bbox.width ? x - wide - 4 * ratio : x + 4 * ratio
      ctx.fillText(text, left, bbox.top + (2 + 14 * i) * ratio)
    })
    ctx.restore()
  }
}

/**
 * @param {readonly number[]} edges
 * @param {readonly number[]} counts
 * @param {number} total
 */
function words (edges, counts, total) {
  if (total === 0) return 'The backend has closed no idle connection'
  const most = counts.indexOf(Math.max(...counts))
  return `The backend closed ${counted(total, 'idle connection', 'idle connections')}, most of them at an idle time of up to ${duration(edges[most])}`
}
