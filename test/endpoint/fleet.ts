import type { Balance } from '../../src/endpoint/balance.js'
import { Roster } from '../../src/endpoint/roster.js'
import type { Candidate } from '../../src/endpoint/roster.js'
import type { Random } from '../../src/endpoint/seeded-random.js'

/** An endpoint of a simulation: it keeps each connection that it has dialled. */
export class FakeEndpoint implements Candidate {
  readonly id: string
  weight: number
  slowFrom = -Infinity
  outstanding = 0
  connections = 0
  bound = Infinity
  /** Requests that it was given. */
  picks = 0
  dials = 0
  /** Sum of outstanding x time. */
  load = 0
  /** Its time for a request, over that of the others. */
  slowness = 1

  constructor (id: string, weight = 1) {
    this.id = id
    this.weight = weight
  }

  get warm (): boolean { return this.connections > this.outstanding }
  get full (): boolean { return this.outstanding >= this.bound }

  begin (): void {
    if (!this.warm) {
      this.connections++
      this.dials++
    }
    this.outstanding++
    this.picks++
  }

  end (): void {
    this.outstanding--
  }
}

export function fleet (count: number, weightOf: (n: number) => number = () => 1): FakeEndpoint[] {
  return Array.from({ length: count }, (_, n) => new FakeEndpoint(`e${n}`, weightOf(n)))
}

export function rosterOf (endpoints: readonly FakeEndpoint[], slowStart = 0): Roster<FakeEndpoint> {
  const roster = new Roster<FakeEndpoint>()
  roster.use(endpoints, slowStart)
  return roster
}

export interface Run {
  readonly roster: Roster<FakeEndpoint>
  readonly balance: Balance<FakeEndpoint>
  readonly random: Random
  readonly requests: number
  /** How many requests are in flight at any time. */
  readonly atOnce: number
  /** When it begins, in ms. */
  readonly from?: number
  readonly key?: (n: number) => string
  readonly onPick?: (endpoint: FakeEndpoint, n: number) => void
}

/** Requests that take 5 to 15 ms, times the slowness of their endpoint; the next one begins when one ends. Returns the time of the end. */
export function simulate ({ roster, balance, random, requests, atOnce, from = 0, key, onPick }: Run): number {
  let now = from
  const running: { readonly endpoint: FakeEndpoint, readonly until: number }[] = []
  for (let n = 0; n < requests; n++) {
    if (running.length === atOnce) {
      const next = running.reduce((first, request) => request.until < first.until ? request : first)
      for (const member of roster.members) member.load += member.outstanding * (next.until - now)
      now = next.until
      running.splice(running.indexOf(next), 1)
      next.endpoint.end()
      roster.ended(next.endpoint)
    }
    const endpoint = balance.pick(now, [], key?.(n))
    if (endpoint === undefined) throw new Error('no endpoint was chosen')
    onPick?.(endpoint, n)
    endpoint.begin()
    roster.began(endpoint)
    running.push({ endpoint, until: now + (5 + 10 * random()) * endpoint.slowness })
  }
  for (const { endpoint } of running) {
    endpoint.end()
    roster.ended(endpoint)
  }
  return now
}

/** The least and the greatest share of the picks that an endpoint got. */
export function shares (endpoints: readonly FakeEndpoint[]): { least: number, most: number, of: number[] } {
  const sum = endpoints.reduce((total, { picks }) => total + picks, 0)
  const of = endpoints.map(({ picks }) => picks / sum)
  return { least: Math.min(...of), most: Math.max(...of), of }
}
