import { Chart, NO_CURSOR, agoAxis, agoScales, axis } from './chart.js'
import { REASON_NAMES, closeBuckets, stacked } from './close-buckets.js'
import { CLOSE_REASONS } from './close-reason.js'
import { element, liveText } from './element.js'
import { paintSwatch, pattern } from './pattern.js'
import { themeVersion } from './theme.js'
import { count } from './units.js'
import { GROUPS } from './words.js'
import UPlot from './uplot.js'

/** @typedef {import('../src/index.js').CloseReason} CloseReason */
/** @typedef {import('../src/admin/api-shapes.js').TargetDetail} TargetDetail */
/** @typedef {import('./words.js').CloserGroup} CloserGroup */

/** Who closed connections, and why: stacked over time, and counted. */
export class CloseChart {
  /** @type {CloseReason[]} */
  #shown = []
  #chart = new Chart(() => ({
    scales: agoScales(),
    cursor: NO_CURSOR,
    axes: [agoAxis(), axis({ incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000], size: 44 })],
    series: [{}, ...[...this.#shown].reverse().map(reason => ({ fill: fillOf(reason), width: 0, paths: /** @type {any} */ (UPlot.paths).bars({ size: [0.8, 14] }), points: { show: false } }))]
  }))

  #table = element('div', { class: 'reasons' })
  #empty = element('p', { class: 'empty' })
  #emptyText = liveText(this.#empty)
  /** @type {Map<CloseReason, (lately: string, all: string) => void>} */
  #rows = new Map()
  #listed = ''

  node = element('div', {}, this.#chart.node, this.#empty, this.#table)

  /** @param {TargetDetail} detail */
  show ({ at, history, target }) {
    const { ago, counts } = closeBuckets(history.seconds, at)
    this.#shown = [...counts.keys()]
    const lately = new Map([...counts].map(([reason, list]) => [reason, list.reduce((sum, n) => sum + n, 0)]))
    const total = [...lately.values()].reduce((sum, n) => sum + n, 0)
    this.#chart.show([ago, ...stacked(counts.values())], this.#shown.join(), `Connections closed in the last 5 minutes: ${[...lately].map(([reason, n]) => `${n} ${reason}`).join(', ') || 'none'}`)
    this.#emptyText(total === 0 ? 'No connection was closed in the last 5 minutes.' : '')
    const listed = REASON_NAMES.filter(reason => (target.totals.closed[reason] ?? 0) > 0 || lately.has(reason))
    if (`${themeVersion()} ${listed.join()}` !== this.#listed) this.#list(listed)
    for (const reason of listed) this.#rows.get(reason)?.(count(lately.get(reason) ?? 0), count(target.totals.closed[reason] ?? 0))
  }

  close () { this.#chart.close() }

  /** @param {CloseReason[]} listed */
  #list (listed) {
    this.#listed = `${themeVersion()} ${listed.join()}`
    this.#rows.clear()
    const groups = /** @type {CloserGroup[]} */ (Object.keys(GROUPS)).map(group => ({ group, reasons: listed.filter(reason => CLOSE_REASONS[reason].by === group) }))
    this.#table.replaceChildren(...groups.filter(({ reasons }) => reasons.length > 0).map(({ group, reasons }) => element('table', { class: 'counts' },
      element('caption', {}, GROUPS[group]),
      element('thead', {}, element('tr', {}, element('th', { scope: 'col' }, 'Reason'), element('th', { scope: 'col', class: 'number' }, 'Last 5 min'), element('th', { scope: 'col', class: 'number' }, 'In all'))),
      element('tbody', {}, ...reasons.map(reason => this.#row(reason))))))
  }

  /** @param {CloseReason} reason */
  #row (reason) {
    const swatch = element('canvas', { class: 'swatch', 'aria-hidden': 'true' })
    paintSwatch(swatch, fillOf(reason))
    const lately = element('td', { class: 'number' })
    const all = element('td', { class: 'number' })
    const showLately = liveText(lately)
    const showAll = liveText(all)
    this.#rows.set(reason, (a, b) => {
      showLately(a)
      showAll(b)
    })
    return element('tr', {}, element('th', { scope: 'row' }, swatch, element('code', {}, reason), element('span', { class: 'meaning' }, CLOSE_REASONS[reason].meaning)), lately, all)
  }
}

/** @param {CloseReason} reason */
function fillOf (reason) {
  const { by } = CLOSE_REASONS[reason]
  return pattern(by, REASON_NAMES.filter(name => CLOSE_REASONS[name].by === by).indexOf(reason))
}
