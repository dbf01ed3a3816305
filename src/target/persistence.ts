import type { Persistence } from '../connection/observer.js'

/** What is known of whether a backend keeps connections open. Times in ms. */
export interface PersistenceState {
  readonly persistence: Persistence
  /** Connections closed after their first response, in a row. */
  readonly closes: number
  /** Trials that failed, in a row. */
  readonly failures: number
  /** When the next trial is due; undefined where none is. */
  readonly trialAt: number | undefined
  /** Why it is as it is, for a person. */
  readonly cause: string
}

export type PersistenceEvent =
  /** The backend closed a connection after its first response, announced or not. */
  | { readonly type: 'closed_after_first', readonly cause: string }
  /** A connection served a second request, or was still open well after its first. */
  | { readonly type: 'kept' }
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

export const PERSISTENT: PersistenceState = { persistence: 'persistent', closes: 0, failures: 0, trialAt: undefined, cause: 'assumed' }

// The interval doubles with each trial that fails, up to eight times: a backend that never keeps connections is asked seldom.
const MOST_DOUBLINGS = 3
const JITTER = 0.1

/**
 * The next state: persistent -> non-persistent after `closesBeforeTeardown` in a row, -> trial when its time has come, -> back
 * on a pass, else non-persistent again for longer.
 *
 * @param random from 0 to 1, spreads the trials of many gateways
 */
export function nextPersistence (state: PersistenceState, event: PersistenceEvent, now: number, settings: PersistenceSettings, random: number): PersistenceState {
  switch (event.type) {
    case 'closed_after_first': {
      if (state.persistence !== 'persistent') return state
      const closes = state.closes + 1
      if (closes < settings.closesBeforeTeardown) return { ...state, closes }
      return nonPersistent(0, `${event.cause}, on ${closes} connections in a row`, now, settings, random)
    }
    case 'kept':
      return state.closes === 0 ? state : { ...state, closes: 0 }
    case 'trial_due':
      return state.persistence === 'non-persistent' ? { ...state, persistence: 'trial', trialAt: undefined, cause: 'time to ask again' } : state
    case 'trial_passed':
      return state.persistence === 'trial' ? { ...PERSISTENT, cause: 'a trial connection was kept open' } : state
    case 'trial_failed':
      return state.persistence === 'trial' ? nonPersistent(state.failures + 1, event.cause, now, settings, random) : state
    case 'set':
      if (event.persistence === state.persistence) return state
      if (event.persistence === 'non-persistent') return nonPersistent(0, event.cause, now, settings, random)
      return { persistence: event.persistence, closes: 0, failures: 0, trialAt: undefined, cause: event.cause }
  }
}

/** How long until the next trial, in ms, after so many failed ones; `random` from 0 to 1. */
export function trialDelay (settings: PersistenceSettings, failures: number, random: number): number {
  return settings.trialInterval * 2 ** Math.min(failures, MOST_DOUBLINGS) * (1 + JITTER * (2 * random - 1))
}

function nonPersistent (failures: number, cause: string, now: number, settings: PersistenceSettings, random: number): PersistenceState {
  return { persistence: 'non-persistent', closes: 0, failures, trialAt: now + trialDelay(settings, failures, random), cause }
}
