import { element, liveText } from './element.js'
import { NONE, count, counted, duration, percent } from './units.js'
import { TERMS } from './words.js'

/** @typedef {import('../src/index.js').TargetSnapshot} TargetSnapshot */

/** The facts about a target, one line each. @type {ReadonlyArray<{ name: string, title?: string, text: (snapshot: TargetSnapshot) => string }>} */
const FACTS = [
  { name: 'Reuse', title: TERMS.reuse, text: ({ totals, reuseRatio }) => totals.opened === 0 ? NONE : percent(reuseRatio) },
  { name: 'Requests', text: ({ totals }) => count(totals.requests) },
  { name: 'Opened', text: ({ totals }) => counted(totals.opened, 'connection', 'connections') },
  { name: 'Handshakes saved', title: TERMS.saved, text: ({ totals, connectMs }) => totals.opened === 0 ? NONE : `${count(totals.reused)}, ${duration(connectMs.saved)}` },
  { name: 'Mean connect', title: TERMS.connectMean, text: ({ totals, connectMs }) => totals.opened === 0 ? NONE : duration(connectMs.mean) },
  { name: 'Connecting', text: ({ connections }) => count(connections.connecting) },
  { name: 'Upgraded', text: ({ connections }) => count(connections.upgraded) },
  { name: 'Sentinel', title: TERMS.sentinel, text: ({ sentinel }) => sentinel === undefined ? 'none' : `idle ${duration(sentinel.idleMs)}` },
  { name: 'Certificates', title: TERMS.certificates, text: ({ certificates }) => validity(certificates) },
  { name: 'Retries', text: ({ totals }) => tallied(totals.retries) },
  { name: 'Rejected', text: ({ totals }) => tallied(totals.rejected) }
]

/** The list of a target's facts. */
export class Facts {
  node = element('dl', { class: 'facts' })
  #lines = FACTS.map(({ name, title, text }) => {
    const value = element('dd')
    this.node.append(element('div', title === undefined ? {} : { title }, element('dt', {}, name), value))
    return { show: liveText(value), text }
  })

  /** @param {TargetSnapshot} snapshot */
  show (snapshot) {
    for (const { show, text } of this.#lines) show(text(snapshot))
  }
}

/** @param {TargetSnapshot['certificates']} certificates */
function validity (certificates) {
  const left = Object.entries(certificates).flatMap(([whose, end]) => end === undefined ? [] : [{ whose, ms: end - Date.now() }])
  return left.map(({ whose, ms }) => `${whose} ${ms > 0 ? duration(ms) : 'ended'}`).join(', ') || NONE
}

/** @param {Record<string, number>} counts */
function tallied (counts) {
  return Object.entries(counts).map(([name, n]) => `${name.replace('HOLDFAST_ERR_', '')} ${count(n)}`).join(', ') || '0'
}
