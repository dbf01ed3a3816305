import type { Random } from './seeded-random.js'
import { slowShare } from './slow-start.js'
import { WeightedDraw } from './weighted-draw.js'

/** An endpoint, as the choice sees it. All members but `id` may change at any time, and are read at each choice. */
export interface Candidate {
  /** Opaque and the same in all replicas (endpoint-id.ts). The hash depends on it. */
  readonly id: string
  /** Its part of the requests, in proportion to those of others; above 0. Call `Roster.use` after a change. */
  readonly weight: number
  /** How many requests are in flight on it, or wait for a connection of its own. */
  readonly outstanding: number
  /** Whether it has an idle connection that could carry a request. */
  readonly warm: boolean
  /** Whether it can take no request now: it is at its bound of connections, and none of them is idle. */
  readonly full: boolean
  /** When its slow start began: it came up, or returned; -Infinity for none. Call `Roster.use` after a change. */
  readonly slowFrom: number
}

// How often a place is drawn again if its endpoint cannot be taken. After that all are looked at.
const DRAWS = 4

/** The endpoints that can be chosen, and how much is in flight on them together. It is refilled when the choice set changes. */
export class Roster<C extends Candidate> {
  #members: readonly C[] = []
  readonly #present = new Set<C>()
  #draw = new WeightedDraw([])
  #slowStart = 0
  /** When the last slow start among the members ends. */
  #slowUntil = -Infinity
  #slowFirst = -Infinity
  #weight = 0
  #outstanding = 0
  #version = 0

  get members (): readonly C[] { return this.#members }
  /** Incremented by `use`. */
  get version (): number { return this.#version }

  has (endpoint: C): boolean {
    return this.#present.has(endpoint)
  }

  /** Takes other members, or the same ones with other weights. @param slowStart in ms */
  use (members: readonly C[], slowStart: number): void {
    this.#version++
    this.#members = members
    this.#draw = new WeightedDraw(members.map(({ weight }) => weight))
    this.#slowStart = slowStart
    this.#slowUntil = members.reduce((latest, { slowFrom }) => Math.max(latest, slowFrom), -Infinity) + slowStart
    this.#slowFirst = members.reduce((first, { slowFrom }) => Math.min(first, slowFrom), Infinity)
    this.#weight = members.reduce((sum, { weight }) => sum + weight, 0)
    this.#outstanding = members.reduce((sum, { outstanding }) => sum + outstanding, 0)
    this.#present.clear()
    for (const member of members) this.#present.add(member)
  }

  /** Call this after `outstanding` of an endpoint has risen by one. */
  began (endpoint: C): void {
    if (this.#present.has(endpoint)) this.#outstanding++
  }

  /** Call this after `outstanding` of an endpoint has fallen by one. */
  ended (endpoint: C): void {
    if (this.#present.has(endpoint)) this.#outstanding--
  }

  /** What would be in flight on a member if all were loaded alike. @param more requests beyond those in flight */
  fairLoad (member: C, more: number): number {
    return (this.#outstanding + more) * member.weight / this.#weight
  }

  /**
   * The share of a member that starts slowly, from 0 to 1. It is relative to the member that has been in service longest, so that members
   * that are all new share the requests as usual.
   */
  slowShare (member: C, now: number): number {
    if (now >= this.#slowUntil) return 1
    return slowShare(now - member.slowFrom, this.#slowStart) / slowShare(now - this.#slowFirst, this.#slowStart)
  }

  /** A member by weight and slow start; undefined only if none can be taken. */
  draw (random: Random, now: number, tried: readonly C[]): C | undefined {
    const drawn = this.drawBeside(undefined, random, now, tried)
    if (drawn !== undefined) return drawn
    const { length } = this.#members
    const start = Math.floor(random() * length)
    for (let n = 0; n < length; n++) {
      const member = this.#members[(start + n) % length]!
      if (isFree(member, tried)) return member
    }
    return undefined
  }

  /** A member other than `first`; undefined where a few draws find none. */
  drawBeside (first: C | undefined, random: Random, now: number, tried: readonly C[]): C | undefined {
    for (let n = 0; n < DRAWS; n++) {
      const member = this.#members.length === 2 ? this.#other(first) ?? this.#drawn(random) : this.#drawn(random)
      if (member === undefined) return undefined
      if (member === first || !isFree(member, tried)) continue
      if (now >= this.#slowUntil || random() < this.slowShare(member, now)) return member
    }
    return undefined
  }

  #drawn (random: Random): C | undefined {
    return this.#members[this.#draw.draw(random)]
  }

  /** Of two members, the one that is not `first`. */
  #other (first: C | undefined): C | undefined {
    return first === undefined ? undefined : this.#members[this.#members[0] === first ? 1 : 0]
  }
}

/** Whether a request can be given to it. @param tried endpoints that have failed this request */
export function isFree (member: Candidate, tried: readonly Candidate[]): boolean {
  return !member.full && (tried.length === 0 || !tried.includes(member))
}
