import type { EndpointLife } from './endpoint-state.js'

/** What the choice looks at. */
export interface Member {
  readonly life: EndpointLife
  /** The lowest number that has an endpoint that serves is used alone. */
  readonly priority: number
  /** Whether its dials are refused (refusal.ts). Ejected or not, it cannot serve a request that needs a new connection. */
  readonly refusing: boolean
}

/**
 * How fit the endpoints of a choice are, best first. `serving`: as it should be. `leaving`: none but endpoints that leave serves.
 * `ejected`: none serves, so ejection does not count; so-called panic. `refusing`: all refuse their dials; `dialVerdict` (refusal.ts)
 * says what a request does. `none`: there is no endpoint.
 */
export type Fitness = 'serving' | 'leaving' | 'ejected' | 'refusing' | 'none'

export interface ChoiceSet<M> {
  readonly members: readonly M[]
  readonly fitness: Fitness
}

const BY_FITNESS = ['serving', 'leaving', 'ejected', 'refusing'] as const

/**
 * The endpoints that a request without a bond is given to: those of the best fitness, and of these the ones with the lowest priority. The
 * set is empty only if all endpoints are gone.
 *
 * An endpoint that leaves and answers is better than one that is ejected: KEP-1669 of Kubernetes makes the same choice. It costs time in
 * proportion to the members, so it is made again when a member changes, not for each request.
 */
export function choiceSet<M extends Member> (members: readonly M[]): ChoiceSet<M> {
  for (const fitness of BY_FITNESS) {
    const fit = members.filter(member => fitnessOf(member) === fitness)
    if (fit.length === 0) continue
    const first = fit.reduce((least, { priority }) => Math.min(least, priority), Infinity)
    return { members: fit.filter(({ priority }) => priority === first), fitness }
  }
  return { members: [], fitness: 'none' }
}

/** The fitness of one endpoint. */
export function fitnessOf ({ life, refusing }: Member): Fitness {
  const { state, ejected, awaitsCheck } = life
  if (state === 'gone') return 'none'
  if (refusing) return 'refusing'
  if (ejected !== undefined || (state === 'joining' && awaitsCheck)) return 'ejected'
  return state === 'leaving' ? 'leaving' : 'serving'
}

/**
 * Whether a request that is bound to an endpoint goes there, also while that leaves; otherwise it is bound to another one. It would fail at
 * an ejected endpoint. While ejection does not count, it does not count here either.
 *
 * @param fitness that of the choice set
 */
export function takesBound ({ life, refusing }: Member, fitness: Fitness): boolean {
  if (refusing || life.state === 'gone') return false
  return life.ejected === undefined || fitness === 'ejected'
}

/**
 * Whether one more endpoint may be ejected. At most `maxEjected` of the endpoints that are not leaving may be, though always one of two
 * or more; and never the last that serves. Where it is false, failures no longer eject: a fault that all endpoints seem to have is more
 * often one of the network, of the gateway, or of the requests.
 *
 * @param maxEjected from 0 to 1; at 0 none is ejected
 */
export function mayEject (members: readonly Member[], candidate: Member, maxEjected: number): boolean {
  if (maxEjected === 0) return false
  let staying = 0
  let ejected = 0
  let others = false
  for (const member of members) {
    const { state } = member.life
    if (state === 'leaving' || state === 'gone') continue
    staying++
    if (member.life.ejected !== undefined) ejected++
    if (member !== candidate && fitnessOf(member) === 'serving') others = true
  }
  return others && ejected < Math.max(1, Math.floor(maxEjected * staying))
}
