import { element, liveAttribute, liveProperty, liveText } from './element.js'
import { CONDITIONS, conditionOf } from './endpoint-condition.js'
import { NONE, count, duration, moment, percent } from './units.js'

/** @typedef {import('../src/index.js').EndpointSnapshot} EndpointSnapshot */

/** One endpoint in the grid: a button that chooses it. The document is written only where a value has changed. */
export class EndpointCard {
  button = element('button', { type: 'button', class: 'endpoint' })
  node = element('li', {}, this.button)
  id = ''
  #condition = liveAttribute(this.button, 'data-condition')
  #title = liveAttribute(this.button, 'title')
  #pressed = liveAttribute(this.button, 'aria-pressed')
  #head = this.button.appendChild(element('span', { class: 'line' }))
  #address = liveText(this.#head.appendChild(element('span', { class: 'address' })))
  #state = this.#head.appendChild(element('span', { class: 'state' }))
  #sign = liveText(this.#state.appendChild(element('span', { 'aria-hidden': 'true' })))
  #stateText = liveText(this.#state)
  #bar = this.button.appendChild(element('span', { class: 'endpoint-bar', 'aria-hidden': 'true' }))
  #active = liveProperty(this.#bar, '--active-to')
  #idle = liveProperty(this.#bar, '--idle-to')
  #upgraded = liveProperty(this.#bar, '--upgraded-to')
  #connecting = liveProperty(this.#bar, '--connecting-to')
  #figures = this.button.appendChild(element('span', { class: 'line' }))
  #connections = liveText(this.#figures.appendChild(element('span', { class: 'counts' })))
  #share = liveText(this.#figures.appendChild(element('span')))
  #why = liveText(this.button.appendChild(element('span', { class: 'why' })))

  /** @param {boolean} chosen */
  press (chosen) {
    this.#pressed(String(chosen))
  }

  /**
   * @param {EndpointSnapshot} endpoint
   * @param {{ share: number | undefined, most: number, chosen: boolean }} beside `most`: the most connections that an endpoint has, at which
   *   the bar is full
   */
  show (endpoint, { share, most, chosen }) {
    const { id, address, since, cause, persistence, connections: { active, idle, connecting, upgraded }, exchangeMs } = endpoint
    const condition = conditionOf(endpoint)
    this.id = id
    this.#condition(condition)
    this.press(chosen)
    this.#address(address)
    this.#sign(`${CONDITIONS[condition].sign} `)
    this.#stateText(condition)
    this.#title(`${address}: ${CONDITIONS[condition].meaning} ${cause}`)
    this.#active(part(active, most))
    this.#idle(part(active + idle, most))
    this.#upgraded(part(active + idle + upgraded, most))
    this.#connecting(part(active + idle + upgraded + connecting, most))
    const shownDials = connecting > 0 ? ` C ${count(connecting)}` : ''
    const shownTunnels = upgraded > 0 ? ` T ${count(upgraded)}` : ''
    this.#connections(`A ${count(active)} I ${count(idle)}${shownDials}${shownTunnels}`)
    this.#share(`${share === undefined ? NONE : percent(share)} · ${exchangeMs === 0 ? NONE : duration(exchangeMs)}`)
    this.#why(`${moment(since)} ${persistence === 'persistent' ? '' : `${persistence}; `}${cause}`)
  }
}

/**
 * @param {number} connections
 * @param {number} most
 */
function part (connections, most) {
  return `${(100 * connections / Math.max(1, most)).toFixed(1)}%`
}
