import { element, liveAttribute, liveText } from './element.js'
import { PERSISTENCE } from './words.js'

/** @typedef {import('../src/index.js').Persistence} Persistence */

/** A persistence state: its sign, its name, its colour. */
export class PersistenceBadge {
  node = element('span', { class: 'badge' })
  #sign = liveText(this.node.appendChild(element('span', { class: 'sign', 'aria-hidden': 'true' })))
  #text = liveText(this.node)
  #state = liveAttribute(this.node, 'data-state')
  #title = liveAttribute(this.node, 'title')

  /** @param {Persistence} state */
  show (state) {
    const { sign, meaning } = PERSISTENCE[state]
    this.#sign(sign)
    this.#text(state)
    this.#state(state)
    this.#title(meaning)
  }
}

/** A badge whose state does not change. @param {Persistence} state */
export function persistenceBadge (state) {
  const badge = new PersistenceBadge()
  badge.show(state)
  return badge.node
}
