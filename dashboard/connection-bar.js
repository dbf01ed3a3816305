import { element, liveProperty, liveText } from './element.js'
import { count } from './units.js'

/** @typedef {import('../src/index.js').TargetSnapshot} TargetSnapshot */

const STATES = /** @type {const} */ (['active', 'idle', 'pending'])

/** Active, idle and pending connections against the limit of connections, as a bar and as figures. */
export class ConnectionBar {
  #bar = element('div', { class: 'bar', 'aria-hidden': 'true' })
  #active = liveProperty(this.#bar, '--active-to')
  #idle = liveProperty(this.#bar, '--idle-to')
  #pending = liveProperty(this.#bar, '--pending-from')
  #figures = STATES.map(state => {
    const figure = element('b')
    return { state, node: element('span', { class: 'figure', 'data-state': state }, figure, ` ${state}`), show: liveText(figure) }
  })

  node = element('div', { class: 'connections' }, this.#bar, element('div', { class: 'figures' }, ...this.#figures.map(({ node }) => node)))

  /** @param {Pick<TargetSnapshot, 'connections' | 'limits'>} snapshot */
  show ({ connections, limits }) {
    const { active, idle, connecting, pending } = connections
    // JSON has null in place of Infinity: no limit.
    const limit = /** @type {number | null} */ (limits.undiciOptions.connections) ?? 0
    const full = Math.max(1, limit, active + idle + connecting) + pending
    this.#active(share(active, full))
    this.#idle(share(active + idle, full))
    this.#pending(share(full - pending, full))
    for (const { state, show } of this.#figures) show(count(connections[state]))
  }
}

/**
 * @param {number} part
 * @param {number} whole
 */
function share (part, whole) {
  return `${(100 * part / whole).toFixed(1)}%`
}
