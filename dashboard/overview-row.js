import { ConnectionBar } from './connection-bar.js'
import { element, liveAttribute, liveText } from './element.js'
import { IdleLimitText } from './idle-limit-text.js'
import { PersistenceBadge } from './persistence-badge.js'
import { Sparkline } from './sparkline.js'
import { NONE, count, counted, duration, percent, rate } from './units.js'

/** @typedef {import('./fleet.js').Trend} Trend */

/** @typedef {{ key: string, title: string, term: keyof import('./words.js')['TERMS'], order: (trend: Trend) => number | string }} Column */

const PERSISTENCE_ORDER = { 'non-persistent': 0, trial: 1, persistent: 2 }

/** The columns of the overview. `order` is the sort key: text sorts upwards, numbers downwards. @type {readonly Column[]} */
export const COLUMNS = [
  { key: 'target', title: 'Target', term: 'target', order: ({ snapshot }) => snapshot.name },
  { key: 'persistence', title: 'Persistence', term: 'persistence', order: ({ snapshot }) => String(PERSISTENCE_ORDER[snapshot.persistence]) },
  { key: 'connections', title: 'Connections', term: 'connections', order: ({ snapshot: { connections } }) => connections.pending * 1e6 + connections.active },
  { key: 'reuse', title: 'Reuse', term: 'reuse', order: ({ snapshot }) => snapshot.reuseRatio },
  { key: 'requests', title: 'Requests', term: 'requests', order: trend => trend.requestRate },
  { key: 'opened', title: 'Opened', term: 'opened', order: trend => trend.openedRate },
  { key: 'saved', title: 'Handshakes saved', term: 'saved', order: ({ snapshot }) => snapshot.totals.reused },
  { key: 'idle-limit', title: 'Idle limit', term: 'idleLimit', order: ({ snapshot }) => snapshot.idleLimit.effective ?? Infinity }
]

/** A target in the overview. The document is written only where a value has changed. */
export class OverviewRow {
  #badge = new PersistenceBadge()
  #bar = new ConnectionBar()
  #limit = new IdleLimitText()
  #requestLine = new Sparkline()
  #openedLine = new Sparkline()
  #reuse
  #requests
  #opened
  #saved
  #savedTime
  #origin
  #endpoints
  #endpointsWrong

  /** @param {Trend} trend */
  constructor (trend) {
    const { name } = trend.snapshot
    const origin = element('span', { class: 'origin' })
    const endpoints = element('span', { class: 'origin' })
    const reuse = element('span')
    const requests = element('span', { class: 'rate' })
    const opened = element('span', { class: 'rate' })
    const saved = element('span')
    const savedTime = element('span', { class: 'small' })
    const contents = [
      [element('a', { href: `#/target/${encodeURIComponent(name)}` }, name), origin, endpoints],
      [this.#badge.node],
      [this.#bar.node],
      [reuse],
      [requests, this.#requestLine.canvas],
      [opened, this.#openedLine.canvas],
      [saved, savedTime],
      [this.#limit.node]
    ]
    // Narrow screens lay the table out as cards. Browsers then drop the table roles, unless they are set explicitly.
    this.node = element('tr', { role: 'row' }, ...contents.map((nodes, i) => {
      const { key, title } = /** @type {Column} */ (COLUMNS[i])
      const label = element('span', { class: 'cell-label', 'aria-hidden': 'true' }, title)
      return element(i === 0 ? 'th' : 'td', i === 0 ? { class: key, role: 'rowheader', scope: 'row' } : { class: key, role: 'cell' }, label, element('div', { class: 'cell' }, ...nodes))
    }))
    this.#origin = liveText(origin)
    this.#endpoints = liveText(endpoints)
    this.#endpointsWrong = liveAttribute(endpoints, 'data-wrong')
    this.#reuse = liveText(reuse)
    this.#requests = liveText(requests)
    this.#opened = liveText(opened)
    this.#saved = liveText(saved)
    this.#savedTime = liveText(savedTime)
  }

  /** @param {Trend} trend */
  show (trend) {
    const { snapshot } = trend
    this.#origin(snapshot.origin === snapshot.name ? '' : snapshot.origin)
    this.#endpoints(endpointWords(snapshot.endpointCounts))
    this.#endpointsWrong(snapshot.endpointCounts.ejected + snapshot.endpointCounts.refusing > 0 ? '' : undefined)
    this.#badge.show(snapshot.persistence)
    this.#bar.show(snapshot)
    this.#reuse(snapshot.totals.opened === 0 ? NONE : percent(snapshot.reuseRatio))
    this.#requests(rate(trend.requestRate))
    this.#opened(rate(trend.openedRate))
    this.#requestLine.draw(trend.requests)
    this.#openedLine.draw(trend.opened)
    this.#saved(count(snapshot.totals.reused))
    this.#savedTime(snapshot.totals.opened === 0 ? '' : `${duration(snapshot.connectMs.saved)} of connecting`)
    this.#limit.show(snapshot.idleLimit)
  }
}

/**
 * The endpoints of a target that has several, and how many are not just up.
 *
 * @param {import('../src/admin/api-shapes.js').EndpointCounts} counts
 */
export function endpointWords ({ joining, up, ejected, leaving, refusing }) {
  const all = joining + up + ejected + leaving
  if (all <= 1) return ''
  const others = Object.entries({ ejected, refusing, leaving, joining }).filter(([, n]) => n > 0)
  return [counted(all, 'endpoint', 'endpoints'), ...others.map(([what, n]) => `${count(n)} ${what}`)].join(', ')
}
