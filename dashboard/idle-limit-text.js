import { element, liveAttribute, liveText } from './element.js'
import { duration } from './units.js'

/** @typedef {import('../src/index.js').TargetSnapshot['idleLimit']} IdleLimit */

const SOURCES = /** @type {const} */ (['configured', 'hinted', 'learned'])

/**
 * Which of the three is in effect; undefined where it is none of them, as with a hint beyond keepAliveMaxTimeout.
 *
 * @param {IdleLimit} limit
 */
export function effectiveSource (limit) {
  // What was learned binds last, so it is the one that is meant if two are equal; a hint goes before what is configured.
  if (limit.effective === limit.learned) return 'learned'
  if (limit.effective === limit.hinted) return 'hinted'
  if (limit.effective === limit.configured && limit.hinted === undefined) return 'configured'
  return undefined
}

/** The three that the idle limit is made of, with the one in effect marked; what is in effect stands before them if it is none of them. */
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
