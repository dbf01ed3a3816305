import { Chart, NO_CURSOR, agoAxis, agoScales, axis } from './chart.js'
import { colour } from './theme.js'
import { rate } from './units.js'

/** @typedef {import('../src/admin/api-shapes.js').TargetDetail} TargetDetail */

/** Requests and connections opened, each second of the last five minutes. */
export class TrafficChart {
  #chart = new Chart(() => ({
    scales: agoScales(),
    cursor: NO_CURSOR,
    axes: [agoAxis(), axis({ size: 52, values: (_plot, values) => values.map(rate) })],
    series: [
      {},
      { stroke: colour('line'), fill: colour('line-fill'), width: 1.5, points: { show: false } },
      { stroke: colour('group-backend'), width: 1.5, dash: [4, 3], points: { show: false } }
    ]
  }))

  node = this.#chart.node

  /** @param {TargetDetail} detail */
  show ({ at, history: { seconds } }) {
    const requests = seconds.map(second => second.requests)
    const opened = seconds.map(second => second.opened)
    this.#chart.show([seconds.map(second => (second.at - at) / 1000), requests, opened], '',
      `Requests a second, at most ${Math.max(0, ...requests)}, and connections opened a second, at most ${Math.max(0, ...opened)}, in the last 5 minutes`)
  }

  close () { this.#chart.close() }
}
