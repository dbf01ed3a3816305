import { element } from './element.js'
import { persistenceBadge } from './persistence-badge.js'
import { clock, counted, duration } from './units.js'

/** @typedef {import('../src/admin/api-shapes.js').TargetHistory} TargetHistory */
/** @typedef {TargetHistory['failures'][number]} Failure */

/** The changes of a target's persistence, the latest first, each with its cause. */
export class PersistenceRecords {
  node = element('div')
  #shown = ''

  /** @param {TargetHistory} history */
  show ({ persistence, since }) {
    const shown = JSON.stringify(persistence)
    if (shown === this.#shown) return
    this.#shown = shown
    const latest = [...persistence].reverse()
    this.node.replaceChildren(latest.length === 0
      ? element('p', { class: 'empty' }, `No change since ${clock(since)}. When the backend begins to close connections, or to keep them, this list shows the header or the close by which that was seen.`)
      : element('ol', { class: 'records' }, ...latest.map(({ at, to, cause }, i) => {
        const until = latest[i - 1]?.at
        return element('li', {}, time(at), persistenceBadge(to), element('span', { class: 'record-text' }, cause,
          element('span', { class: 'small' }, until === undefined ? ' · until now' : ` · for ${duration(until - at)}`)))
      })))
  }
}

/** The last requests that failed, the latest first, each with how it travelled. */
export class FailureRecords {
  node = element('div')
  #shown = ''

  /** @param {TargetHistory} history */
  show ({ failures, since }) {
    const shown = `${failures.length} ${failures.at(-1)?.at} ${failures[0]?.at}`
    if (shown === this.#shown) return
    this.#shown = shown
    this.node.replaceChildren(failures.length === 0
      ? element('p', { class: 'empty' }, `No request has failed since ${clock(since)}.`)
      : element('ol', { class: 'records' }, ...[...failures].reverse().map(failure => element('li', {}, time(failure.at),
        element('span', { class: 'record-text' }, element('code', {}, failure.code), element('span', { class: 'small' }, ` ${travelled(failure)}`))))))
  }
}

/** The last events of a target's endpoints, the latest first. */
export class EndpointRecords {
  node = element('div')
  #shown = ''

  /** @param {TargetHistory} history */
  show ({ endpoints, since }) {
    const latest = endpoints.at(-1)
    const shown = `${endpoints.length} ${latest?.at} ${latest?.endpoint} ${latest?.type} ${endpoints[0]?.at}`
    if (shown === this.#shown) return
    this.#shown = shown
    this.node.replaceChildren(endpoints.length === 0
      ? element('p', { class: 'empty' }, `No endpoint has changed since ${clock(since)}.`)
      : element('ol', { class: 'records' }, ...[...endpoints].reverse().map(event => element('li', {}, time(event.at),
        element('span', { class: 'record-text' }, `${event.address} `, event.type === 'drained'
          ? element('b', {}, 'drained')
          : element('span', {}, element('b', {}, event.from === null ? event.to : `${event.from} → ${event.to}`), ` ${event.cause}`))))))
  }
}

/** @param {number} at epoch ms */
function time (at) {
  return element('time', { datetime: new Date(at).toISOString() }, clock(at))
}

/**
 * A failure's provenance, as a sentence.
 *
 * @param {Failure} failure
 */
export function travelled ({ provenance }) {
  if (provenance === undefined || provenance === null) return ''
  const { connection, reused, nth, idleMs, waitMs, attempts, retries, persistence } = provenance
  const way = connection === undefined || connection === null
    ? 'it got no connection'
    : reused ? `connection #${connection}, reused for its request ${nth} after ${duration(idleMs)} idle` : `connection #${connection}, fresh`
  const tried = retries.length === 0 ? '' : `, sent again: ${retries.join(', ')}`
  return `${way}; waited ${duration(waitMs)}; ${counted(attempts, 'attempt', 'attempts')}${tried}; backend ${persistence}`
}
