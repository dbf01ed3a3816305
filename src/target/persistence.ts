import type { Persistence } from '../connection/observer.js'

/**
 * What is known of whether a backend keeps connections open. A name may stand for several machines, of which one is being restarted:
 * evidence is kept by remote address. Times in ms.
 */
export interface PersistenceState {
  readonly persistence: Persistence
  /** By remote address; '' where there is none to tell, as of a unix socket. */
  readonly addresses: ReadonlyMap<string, AddressEvidence>
  /** Kinds of requests whose connections some address closes while it keeps others: each of them gets a fresh connection. */
  readonly apart: ReadonlySet<RequestKind>
  /** Trials that failed, in a row. */
  readonly failures: number
  /** Whether it kept connections before, so that the closes may be those of a restart. */
  readonly restart: boolean
  /** When the next trial is due; undefined where none is. */
  readonly trialAt: number | undefined
  /** Why it is as it is, for a person. */
  readonly cause: string
}

/** What one address has done of late. */
export interface AddressEvidence {
  /** Connections closed after their first response, to a request that tells of all, in a row. */
  readonly closes: number
  /** Whether it has kept a connection. */
  readonly kept: boolean
  /** Kinds after which it has closed; one that it keeps connections after is not there. */
  readonly byKind: ReadonlyMap<RequestKind, KindEvidence>
}

interface KindEvidence {
  /** Connections closed after a response to a request of this kind, in a row. */
  readonly closes: number
  /** Whether it has kept others meanwhile, after requests of another kind. */
  readonly unlike: boolean
}

/** A method, followed by `+` where the request had a body: what a backend does after one says little of what it does after another. */
export type RequestKind = string

export type PersistenceEvent =
  /**
   * The backend closed a connection after a response to a request of this kind, announced or not. `first`: it was the connection's first
   * response. `standing`: open connections that have served several.
   */
  | { readonly type: 'closed', readonly address: string, readonly kind: RequestKind, readonly first: boolean, readonly standing: number, readonly cause: string }
  /** A connection served another request after one of this kind, or was still open well after it; undefined: of what kind is not known. */
  | { readonly type: 'kept', readonly address: string, readonly kind: RequestKind | undefined }
  | { readonly type: 'trial_due' }
  /** The connection on trial was kept. */
  | { readonly type: 'trial_passed' }
  | { readonly type: 'trial_failed', readonly cause: string }
  /** Somebody else has decided. */
  | { readonly type: 'set', readonly persistence: Persistence, readonly cause: string }

export interface PersistenceSettings {
  readonly closesBeforeTeardown: number
  readonly trialInterval: number
}

const NOTHING: AddressEvidence = { closes: 0, kept: false, byKind: new Map() }

export const PERSISTENT: PersistenceState = {
  persistence: 'persistent', addresses: new Map(), apart: new Set(), failures: 0, restart: false, trialAt: undefined, cause: 'assumed'
}

// The interval doubles with each trial that fails, up to eight times: a backend that never keeps connections is asked seldom.
const MOST_DOUBLINGS = 3
const JITTER = 0.1
// A restart takes about as long, in ms.
const RESTART = 1_000
// A name has a few addresses at a time; those of machines that are gone make way.
const MOST_ADDRESSES = 64

/** The kind that a trial is made of: a backend that keeps no connection after it keeps none. */
export const USUAL: RequestKind = 'GET'

// Nothing can be kept apart by it.
const UNKNOWN: RequestKind = ''

export function kindOf (method: string | undefined, withBody: boolean | undefined): RequestKind {
  return withBody === true ? `${method ?? ''}+` : method ?? ''
}

/**
 * The next state: persistent -> non-persistent after `closesBeforeTeardown` in a row at one address, -> trial when its time has come, ->
 * back on a pass, else non-persistent again for longer.
 *
 * A client can make many a backend close: by a body that the backend does not read (Go's net/http answers, and says close), or by a method
 * after which it always does (lighttpd after a POST to a file, waitress after HEAD). So closes after requests with a body, and at an address
 * that has kept connections those after anything but a GET, are evidence about requests of their kind alone, which get fresh connections
 * until one of those is kept; and nothing is torn down while connections stand that have served several.
 *
 * @param random from 0 to 1, spreads the trials of many gateways
 */
export function nextPersistence (state: PersistenceState, event: PersistenceEvent, now: number, settings: PersistenceSettings, random: number): PersistenceState {
  switch (event.type) {
    case 'closed':
      return state.persistence === 'persistent' ? closed(state, event, now, settings, random) : state
    case 'kept':
      return state.persistence === 'persistent' ? kept(state, event) : state
    case 'trial_due':
      return state.persistence === 'non-persistent' ? { ...state, persistence: 'trial', trialAt: undefined, cause: 'time to ask again' } : state
    case 'trial_passed':
      return state.persistence === 'trial' ? { ...PERSISTENT, addresses: withoutCloses(state.addresses), cause: 'a trial connection was kept open' } : state
    case 'trial_failed':
      return state.persistence === 'trial' ? nonPersistent(state, state.failures + 1, state.restart, event.cause, now, settings, random) : state
    case 'set':
      if (event.persistence === state.persistence) return state
      if (event.persistence === 'non-persistent') return nonPersistent(state, 0, false, event.cause, now, settings, random)
      return { ...PERSISTENT, addresses: withoutCloses(state.addresses), persistence: event.persistence, cause: event.cause }
  }
}

/** Whether there are closes that a connection that is kept would speak against. */
export function isSuspect ({ addresses }: PersistenceState): boolean {
  for (const { closes, byKind } of addresses.values()) if (closes > 0 || byKind.size > 0) return true
  return false
}

/**
 * How long until the next trial, in ms, after so many failed ones; `random` from 0 to 1. Where the closes may be those of a restart the
 * first one is soon; a habit is told from that by the trials that fail.
 */
export function trialDelay ({ trialInterval }: PersistenceSettings, failures: number, random: number, restart = false): number {
  const first = restart ? Math.min(RESTART, trialInterval) : trialInterval
  return Math.min(first * 2 ** failures, trialInterval * 2 ** MOST_DOUBLINGS) * (1 + JITTER * (2 * random - 1))
}

function closed (state: PersistenceState, event: PersistenceEvent & { type: 'closed' }, now: number, settings: PersistenceSettings, random: number): PersistenceState {
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
  // What is kept at one address is no reason to give another that closes the same kind what it closes.
  const apart = new Set([...state.apart].filter(other => other !== kind || someHas(next.addresses, other)))
  return { ...next, apart }
}

// Where a backend closes after one kind and keeps connections after another, that is told with each of the latter.
function isNoNews ({ byKind }: AddressEvidence, kind: RequestKind | undefined): boolean {
  if (byKind.size === 0 || kind === undefined) return true
  for (const [other, { unlike }] of byKind) if (other === kind || !unlike) return false
  return true
}

function withEvidence (state: PersistenceState, address: string, evidence: AddressEvidence, closesBeforeTeardown: number): PersistenceState {
  const addresses = new Map(state.addresses)
  // Latest last.
  addresses.delete(address)
  addresses.set(address, evidence)
  for (const oldest of addresses.keys()) {
    if (addresses.size <= MOST_ADDRESSES) break
    addresses.delete(oldest)
  }
  const added = [...evidence.byKind].filter(([kind, { closes, unlike }]) => {
    // Those after which nothing is torn down need not be unlike the rest.
    return closes >= closesBeforeTeardown && (unlike || !tellsOfAll(evidence, kind)) && !state.apart.has(kind)
  }).map(([kind]) => kind)
  return { ...state, addresses, apart: added.length === 0 ? state.apart : new Set([...state.apart, ...added]) }
}

/** Whether what an address does after requests of this kind tells if it keeps connections at all. */
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

/** What is remembered when it begins anew: who kept connections. */
function withoutCloses (addresses: ReadonlyMap<string, AddressEvidence>): ReadonlyMap<string, AddressEvidence> {
  const kept = new Map<string, AddressEvidence>()
  for (const [address, evidence] of addresses) if (evidence.kept) kept.set(address, { ...NOTHING, kept: true })
  return kept
}
