/** @typedef {import('../src/index.js').EndpointSnapshot} EndpointSnapshot */
/** @typedef {'ejected' | 'refusing' | 'leaving' | 'joining' | 'up' | 'drained' | 'gone'} Condition */

/** The conditions, what is wrong first. A sign needs no colour. @type {Record<Condition, { sign: string, meaning: string }>} */
export const CONDITIONS = {
  ejected: { sign: '✕', meaning: 'Its failures, a health check or an operator have taken it out of choice.' },
  refusing: { sign: '!', meaning: 'Its dials are refused, so requests avoid it.' },
  leaving: { sign: '◌', meaning: 'It gets no new requests but those that are bound to it, and finishes what it has.' },
  joining: { sign: '○', meaning: 'It is known, and has not been heard yet.' },
  up: { sign: '●', meaning: 'It serves.' },
  drained: { sign: '▢', meaning: 'It is leaving, and has no request and no tunnel any more.' },
  gone: { sign: '–', meaning: 'Nothing of it is left.' }
}

const ORDER = /** @type {Condition[]} */ (Object.keys(CONDITIONS))

/**
 * An endpoint's state, with what else decides whether it gets requests.
 *
 * @param {EndpointSnapshot} endpoint
 * @returns {Condition}
 */
export function conditionOf ({ state, refusing, drained }) {
  if (refusing && (state === 'up' || state === 'joining')) return 'refusing'
  return state === 'leaving' && drained ? 'drained' : state
}

/**
 * How far ahead an endpoint is shown: what is wrong comes first. One that keeps no connections comes before those that do.
 *
 * @param {EndpointSnapshot} endpoint
 */
export function urgencyOf (endpoint) {
  return ORDER.indexOf(conditionOf(endpoint)) - (endpoint.persistence === 'persistent' ? 0 : 0.5)
}
