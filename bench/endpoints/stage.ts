import { setTimeout as wait } from 'node:timers/promises'
import type { Bounds } from '../instruments/bounds.js'
import { listed, type Row } from '../instruments/table.js'
import { type EndpointsGateway, type Failure, type Options, startEndpointsGateway, type TimedChange } from './endpoints-gateway.js'
import { addresses, type Fleet, portFor, startFleet } from './fleet.js'
import { countsOf, isFailed } from './outcomes.js'
import type { Started } from './scenario.js'
import { epochMs } from './time.js'
import { type Sent, Traffic } from './traffic.js'

/** Requests a second, as the bounds say. */
export const RATE = 500
const ENDPOINTS = 10
const LONGEST_COURSE = 5

export interface StageSetup {
  readonly gateway?: Options
  readonly route?: Options
  /** Of the endpoint that is struck; it can vanish then. */
  readonly backlog?: number
}

/** Ten endpoints under traffic, one of which is struck: it has a process of its own. */
export class Stage {
  readonly gateway: EndpointsGateway
  readonly steady: Fleet
  readonly struck: Fleet
  readonly #traffic: Traffic

  constructor (gateway: EndpointsGateway, steady: Fleet, struck: Fleet) {
    this.gateway = gateway
    this.steady = steady
    this.struck = struck
    this.#traffic = new Traffic(gateway.url, RATE)
  }

  /** `host:port` of the struck endpoint. */
  get address (): string { return this.struck.urls[0]!.slice('http://'.length) }

  /** Resolves when the struck endpoint is in this state. */
  async until (state: string): Promise<number> {
    await this.gateway.until(endpoints => endpoints.some(one => one.address === this.address && one.state === state))
    return epochMs()
  }

  /** Resolves when a client has got an answer from the struck endpoint that began after a time. Rejects after some seconds. */
  async answersSince (time: number, within = 20_000): Promise<Sent> {
    for (const deadline = performance.now() + within; performance.now() < deadline; await wait(5)) {
      const found = this.#traffic.sent.findLast(one => one.by === this.struck.setup.hosts[0] && one.began >= time && one.status < 500)
      if (found !== undefined) return this.#traffic.sent.find(one => one.by === found.by && one.began >= time && one.status < 500) ?? found
    }
    throw new Error(`the struck endpoint has answered nothing for ${within} ms`)
  }

  /** Ends the traffic, and tells what became of it. */
  async story (): Promise<Story> {
    const sent = await this.#traffic.stop()
    const changes = await this.gateway.ask('changes', {})
    const failures = await this.gateway.ask('failures', {})
    const { totals, endpoints } = await this.gateway.ask('snapshot', {})
    const executed = new Map([...this.steady.executed()])
    for (const [id, times] of this.struck.executed()) executed.set(id, (executed.get(id) ?? 0) + times)
    const id = endpoints.find(({ address }) => address === this.address)?.id ?? ''
    return new Story({ sent, changes, failures, executed, retries: totals.retries, address: this.address, id })
  }
}

/** Starts a stage with its traffic, which has run for a second when this resolves. */
export async function openStage (started: Started, { gateway = {}, route = {}, backlog }: StageSetup = {}): Promise<Stage> {
  const hosts = addresses(ENDPOINTS)
  const port = await portFor(hosts)
  const upstream = hosts.map(host => `http://${host}:${port}`)
  const [steady, struck, running] = await Promise.all([
    startFleet({ hosts: hosts.slice(0, -1), port }),
    startFleet({ hosts: hosts.slice(-1), port, seed: 2, ...backlog !== undefined && { backlog } }),
    startEndpointsGateway({ gateway, routes: [{ ...route, upstream }] })
  ])
  for (const one of [steady, struck, running]) started.add(one)
  const stage = new Stage(running, steady, struck)
  await wait(1_000)
  return stage
}

interface Told {
  readonly sent: readonly Sent[]
  readonly changes: readonly TimedChange[]
  readonly failures: readonly Failure[]
  /** How often each POST was executed, by id. */
  readonly executed: ReadonlyMap<string, number>
  readonly retries: { readonly [kind: string]: number | undefined }
  /** The struck endpoint. */
  readonly address: string
  readonly id: string
}

/** What became of the requests of a stage, and of its endpoints. */
export class Story {
  readonly sent: readonly Sent[]
  readonly changes: readonly TimedChange[]
  readonly address: string
  readonly #told: Told
  readonly #provenances: ReadonlyMap<string, Failure>

  constructor (told: Told) {
    this.#told = told
    this.sent = told.sent
    this.changes = told.changes
    this.address = told.address
    this.#provenances = new Map(told.failures.map(failure => [failure.id, failure]))
  }

  /** Requests without the answer that they should have. */
  failed (method?: string): Sent[] {
    return this.sent.filter(one => isFailed(one) && (method === undefined || one.method === method))
  }

  /** What went wrong, with how often, with where it travelled. */
  listed (failed: readonly Sent[]): string {
    return countsOf(failed.map(one => {
      const { provenance } = this.#provenances.get(one.id) ?? {}
      const where = provenance === undefined ? '' : provenance.endpoint === this.#told.id ? ' at the struck' : ' at another'
      const how = provenance === undefined ? '' : provenance.reused ? ', reused' : ', fresh'
      return `${one.method} ${one.status} ${one.code}${where}${how}`
    }))
  }

  /** POSTs that were executed twice. */
  get twice (): number { return [...this.#told.executed.values()].filter(times => times > 1).length }

  /** Whether the struck endpoint got a request last. */
  wasStruck ({ id }: Sent): boolean {
    return this.#provenances.get(id)?.provenance?.endpoint === this.#told.id
  }

  /** Changes to a state, of the struck endpoint or of the others. */
  changesTo (state: string, struck = true): TimedChange[] {
    return this.changes.filter(({ to, address }) => to === state && (address === this.address) === struck)
  }

  /** No GET is lost without a response's byte, no POST is executed twice, and none is lost but where it was written. */
  holdLosses (bounds: Bounds, name: string): void {
    const gets = this.failed('GET')
    const posts = this.failed('POST')
    // Only an attempt on a connection can have been written.
    const unwritten = posts.filter(one => !this.wasStruck(one) || one.code !== 'HOLDFAST_ERR_CONNECTION_LOST')
    bounds.hold(`${name}: no GET is lost`, gets.length === 0, this.listed(gets))
    bounds.hold(`${name}: no POST is executed twice`, this.twice === 0, String(this.twice))
    bounds.hold(`${name}: POSTs are lost only on a connection of the struck endpoint`, unwritten.length === 0, this.listed(unwritten))
    this.holdOthers(bounds, name)
  }

  /** The endpoints that were not struck stay in service. */
  holdOthers (bounds: Bounds, name: string): void {
    const others = ['ejected', 'leaving', 'gone'].flatMap(state => this.changesTo(state, false))
    const told = others.map(({ address, to, cause }) => `${address} ${to}: ${cause}`)
    bounds.hold(`${name}: the other nine stay in service`, others.length === 0, told.join('; '))
  }

  /** The states of the struck endpoint: `up (it has answered), 2041 ms later ejected (...)`; where there are many, how often. */
  #course (): string {
    const own = this.changes.filter(({ address }) => address === this.address)
    if (own.length > LONGEST_COURSE) return countsOf(own.map(({ to, cause }) => `${to} (${cause})`))
    return own.map(({ to, cause, at }, n) => `${n === 0 ? '' : `${Math.round(at - own[n - 1]!.at)} ms later `}${to} (${cause})`).join(', ')
  }

  /** How long a request took, and how much of that it waited for connections. */
  #slowness (sent: Sent): string {
    const { provenance } = this.#provenances.get(sent.id) ?? {}
    const ms = Math.round(sent.ended - sent.began)
    if (provenance === undefined) return `${ms}`
    const { waitMs, attempts, retries } = provenance
    const sentTo = `${sent.method} of ${attempts} attempts`
    return `${ms}: ${sentTo}, waited ${waitMs}${retries.length === 0 ? '' : ` (${retries.join(', ')})`}${this.wasStruck(sent) ? ', struck' : ''}`
  }

  /** The figures that each fault has. */
  row (what: string): Row {
    const slow = this.sent.toSorted((a, b) => b.ended - b.began - (a.ended - a.began))[0]
    return {
      what,
      requests: this.sent.length,
      'GETs failed': this.failed('GET').length,
      'POSTs failed': this.failed('POST').length,
      'POSTs twice': this.twice,
      'what failed': this.listed(this.failed()),
      'slowest, ms': slow === undefined ? '-' : this.#slowness(slow),
      retries: listed(this.#told.retries),
      'of the struck': this.#course()
    }
  }
}
