import { element, liveAttribute, liveText } from './element.js'
import { duration } from './units.js'

/** @typedef {import('../src/index.js').TargetSnapshot['idleLimit']} IdleLimit */

const SOURCES = /** @type {const} */ (['configured', 'hinted', 'learned'])

/**
 * Which of the three limits is in effect; undefined where the limit in effect equals none of them, as with a hint beyond
 * keepAliveMaxTimeout.
 *
 * @param {IdleLimit} limit
 */
export function effectiveSource (limit) {
  // The learned limit bounds the others, so it is the one in effect where two are equal. A hint goes before the configured limit.
  if (limit.effective === limit.learned) return 'learned'
  if (limit.effective === limit.hinted) return 'hinted'
  if (limit.effective === limit.configured && limit.hinted === undefined) return 'configured'
  return undefined
}

/** The three limits, with a mark at the one in effect. If the limit in effect equals none of them, it stands before them. */
export class IdleLimitText {
  node = element('div', { class: 'limits' })
  #effective = liveText(this.node.appendChild(element('strong', { class: 'limit-effective' })))
  #sources = SOURCES.map(source => {
    const mark = element('span', { class: 'limit-mark' })
    const value = element('span', { class: 'limit-value' })
    const node = this.node.appendChild(element('span', { class: 'limit' }, mark, `${source} `, value))
    return { source, mark: liveText(mark), value: liveText(value), inEffect: liveAttribute(node, 'data-in-effect') }
  })

  /** @param {IdleLimit} limit */
  show (limit) {
    const effective = effectiveSource(limit)
    this.#effective(effective === undefined ? `${duration(limit.effective)} in effect` : '')
    for (const { source, mark, value, inEffect } of this.#sources) {
      mark(source === effective ? '▸ ' : '')
      value(duration(limit[source]))
      inEffect(source === effective ? '' : undefined)
    }
  }
}
