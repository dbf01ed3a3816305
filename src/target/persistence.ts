import type { Persistence } from '../connection/observer.js'

/**
 * What is known of whether a backend keeps connections open. A name may stand for several machines, and one of them may be restarting, so
 * evidence is kept by remote address. Times in ms.
 */
export interface PersistenceState {
  readonly persistence: Persistence
  /** By remote address; '' for a connection without one, as over a unix socket. */
  readonly addresses: ReadonlyMap<string, AddressEvidence>
  /** Kinds of requests after which some address closes its connection while it keeps others. Each such request gets a fresh connection. */
  readonly apart: ReadonlySet<RequestKind>
  /** How many trials in a row have failed. */
  readonly failures: number
  /** Whether the backend kept connections before, so that the closes may come from a restart. */
  readonly restart: boolean
  /** When the next trial is due; undefined where none is. */
  readonly trialAt: number | undefined
  /** The reason for this state, for a person. */
  readonly cause: string
}

/** What one address has done lately. */
export interface AddressEvidence {
  /** How many connections in a row it closed after their first response. Counts requests of kinds that speak for all connections only. */
  readonly closes: number
  /** Whether it has kept a connection. */
  readonly kept: boolean
  /** The kinds of requests after which it has closed. A kind after which it keeps connections is removed. */
  readonly byKind: ReadonlyMap<RequestKind, KindEvidence>
}

interface KindEvidence {
  /** How many connections in a row it closed after a response to a request of this kind. */
  readonly closes: number
  /** Whether it has kept connections meanwhile, after requests of another kind. */
  readonly unlike: boolean
}

/** A method, followed by `+` where the request had a body. A backend may close after one kind of request and keep after another. */
export type RequestKind = string

export type PersistenceEvent =
  /**
   * The backend closed a connection after a response to a request of this kind, announced or not. `first`: it was the connection's first
   * response. `standing`: how many open connections have served several requests.
   */
  | {
    readonly type: 'closed'
    readonly address: string
    readonly kind: RequestKind
    readonly first: boolean
    readonly standing: number
    readonly cause: string
  }
  /** A connection served another request after one of this kind, or was still open well after it. undefined: the kind is not known. */
  | { readonly type: 'kept', readonly address: string, readonly kind: RequestKind | undefined }
  | { readonly type: 'trial_due' }
  /** The connection on trial was kept. */
  | { readonly type: 'trial_passed' }
  | { readonly type: 'trial_failed', readonly cause: string }
  /** An operator, an update, or another observer has set the persistence. */
  | { readonly type: 'set', readonly persistence: Persistence, readonly cause: string }

export interface PersistenceSettings {
  readonly closesBeforeTeardown: number
  readonly trialInterval: number
}

const NOTHING: AddressEvidence = { closes: 0, kept: false, byKind: new Map() }

export const PERSISTENT: PersistenceState = {
  persistence: 'persistent', addresses: new Map(), apart: new Set(), failures: 0, restart: false, trialAt: undefined, cause: 'assumed'
}

// The interval doubles with each failed trial, up to eight times its length: a backend that never keeps connections is tested seldom.
const MOST_DOUBLINGS = 3
const JITTER = 0.1
// About how long a restart takes, in ms.
const RESTART = 1_000
// A name has a few addresses at a time. The bound drops those of machines that are gone.
const MOST_ADDRESSES = 64

/** The kind of request that a trial uses: a backend that keeps no connection after a GET without a body keeps none. */
export const USUAL: RequestKind = 'GET'

// The kind of a request whose method is not known. No request is kept apart by it.
const UNKNOWN: RequestKind = ''

export function kindOf (method: string | undefined, withBody: boolean | undefined): RequestKind {
  return withBody === true ? `${method ?? ''}+` : method ?? ''
}

/**
 * The next state. A persistent backend becomes non-persistent after `closesBeforeTeardown` closes in a row at one address. When the time of
 * a trial has come it is on trial. A trial that passes makes it persistent; one that fails makes it non-persistent for longer.
 *
 * A client can make many backends close: by a body that the backend does not read (Go's net/http answers with `Connection: close`), or by a
 * method after which the backend always closes (lighttpd after a POST to a file, waitress after HEAD). So some closes are evidence about
 * requests of their kind alone: those after requests with a body, and, at an address that has kept connections, those after anything but a
 * GET. Requests of such a kind get fresh connections until one of these is kept. And closes never make a backend non-persistent while a
 * connection is open that has served several requests.
 *
 * @param random from 0 to 1, spreads the trials of many gateways
 */
export function nextPersistence (
  state: PersistenceState, event: PersistenceEvent, now: number, settings: PersistenceSettings, random: number
): PersistenceState {
  switch (event.type) {
    case 'closed':
      return state.persistence === 'persistent' ? closed(state, event, now, settings, random) : state
    case 'kept':
      return state.persistence === 'persistent' ? kept(state, event) : state
    case 'trial_due':
      if (state.persistence !== 'non-persistent') return state
      return { ...state, persistence: 'trial', trialAt: undefined, cause: 'time to ask again' }
    case 'trial_passed':
      if (state.persistence !== 'trial') return state
      return { ...PERSISTENT, addresses: withoutCloses(state.addresses), cause: 'a trial connection was kept open' }
    case 'trial_failed':
      if (state.persistence !== 'trial') return state
      return nonPersistent(state, state.failures + 1, state.restart, event.cause, now, settings, random)
    case 'set':
      if (event.persistence === state.persistence) return state
      if (event.persistence === 'non-persistent') return nonPersistent(state, 0, false, event.cause, now, settings, random)
      return { ...PERSISTENT, addresses: withoutCloses(state.addresses), persistence: event.persistence, cause: event.cause }
  }
}

/** Whether there is evidence of closes that a kept connection would contradict. */
export function isSuspect ({ addresses }: PersistenceState): boolean {
  for (const { closes, byKind } of addresses.values()) if (closes > 0 || byKind.size > 0) return true
  return false
}

/**
 * How long until the next trial, in ms, after `failures` failed ones; `random` is from 0 to 1. Where the closes may come from a restart,
 * the first trial comes soon. If the closes are a habit, that trial fails, and the next ones come later.
 */
export function trialDelay ({ trialInterval }: PersistenceSettings, failures: number, random: number, restart = false): number {
  const first = restart ? Math.min(RESTART, trialInterval) : trialInterval
  return Math.min(first * 2 ** failures, trialInterval * 2 ** MOST_DOUBLINGS) * (1 + JITTER * (2 * random - 1))
}

function closed (
  state: PersistenceState, event: PersistenceEvent & { type: 'closed' }, now: number, settings: PersistenceSettings, random: number
): PersistenceState {
  const { address, kind, first, standing, cause } = event
  const { closesBeforeTeardown } = settings
  const before = state.addresses.get(address) ?? NOTHING
  const closes = first && tellsOfAll(before, kind) ? before.closes + 1 : before.closes
  if (closes > before.closes && closes >= closesBeforeTeardown && standing === 0) {
    return nonPersistent(state, 0, before.kept, `${cause}, on ${closes} connections in a row`, now, settings, random)
  }
  const known = before.byKind.get(kind)
  const byKind = new Map(before.byKind).set(kind, { closes: (known?.closes ?? 0) + 1, unlike: known?.unlike ?? false })
  return withEvidence(state, address, { ...before, closes, byKind }, closesBeforeTeardown)
}

function kept (state: PersistenceState, { address, kind }: PersistenceEvent & { type: 'kept' }): PersistenceState {
  const before = state.addresses.get(address) ?? NOTHING
  if (before.kept && before.closes === 0 && isNoNews(before, kind)) return state
  const byKind = new Map<RequestKind, KindEvidence>()
  for (const [other, evidence] of before.byKind) {
    if (other !== kind) byKind.set(other, { ...evidence, unlike: evidence.unlike || kind !== undefined })
  }
  const next = withEvidence(state, address, { closes: 0, kept: true, byKind }, Infinity)
  // A kind stays apart while another address still closes after it.
  const apart = new Set([...state.apart].filter(other => other !== kind || someHas(next.addresses, other)))
  return { ...next, apart }
}

// A backend that closes after one kind and keeps after another is reported as keeping with each request
// of the other kind. All such reports but the first change nothing.
function isNoNews ({ byKind }: AddressEvidence, kind: RequestKind | undefined): boolean {
  if (byKind.size === 0 || kind === undefined) return true
  for (const [other, { unlike }] of byKind) if (other === kind || !unlike) return false
  return true
}

function withEvidence (
  state: PersistenceState, address: string, evidence: AddressEvidence, closesBeforeTeardown: number
): PersistenceState {
  const addresses = new Map(state.addresses)
  // Latest last.
  addresses.delete(address)
  addresses.set(address, evidence)
  for (const oldest of addresses.keys()) {
    if (addresses.size <= MOST_ADDRESSES) break
    addresses.delete(oldest)
  }
  const added = [...evidence.byKind].filter(([kind, { closes, unlike }]) => {
    // A kind that does not speak for all connections is kept apart even if no other kind was kept meanwhile.
    return closes >= closesBeforeTeardown && (unlike || !tellsOfAll(evidence, kind)) && !state.apart.has(kind)
  }).map(([kind]) => kind)
  return { ...state, addresses, apart: added.length === 0 ? state.apart : new Set([...state.apart, ...added]) }
}

/** Whether closes after requests of this kind are evidence that the address keeps no connections at all. */
function tellsOfAll ({ kept }: AddressEvidence, kind: RequestKind): boolean {
  return kind === USUAL || kind === UNKNOWN || (!kept && !kind.endsWith('+'))
}

function someHas (addresses: ReadonlyMap<string, AddressEvidence>, kind: RequestKind): boolean {
  return [...addresses.values()].some(({ byKind }) => byKind.has(kind))
}

function nonPersistent (
  state: PersistenceState, failures: number, restart: boolean, cause: string, now: number, settings: PersistenceSettings, random: number
): PersistenceState {
  return {
    persistence: 'non-persistent',
    addresses: withoutCloses(state.addresses),
    apart: new Set(),
    failures,
    restart,
    trialAt: now + trialDelay(settings, failures, random, restart),
    cause
  }
}

/** What is remembered when the state begins anew: the addresses that have kept connections. */
function withoutCloses (addresses: ReadonlyMap<string, AddressEvidence>): ReadonlyMap<string, AddressEvidence> {
  const kept = new Map<string, AddressEvidence>()
  for (const [address, evidence] of addresses) if (evidence.kept) kept.set(address, { ...NOTHING, kept: true })
  return kept
}
