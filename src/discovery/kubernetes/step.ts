/** What to ask the API server next. A list with version 0 may come from the server's cache; one with '' is the newest there is. */
export type Step =
  | { readonly type: 'list', readonly version: '0' | '', readonly paged: boolean }
  | { readonly type: 'watch', readonly version: string }

/** What came of it. */
export type Outcome =
  | { readonly type: 'listed', readonly version: string }
  /** The server has ended the watch, as it does after `timeoutSeconds`. `version` is the last one that it told, and `lasted` is in ms. */
  | { readonly type: 'watched', readonly version: string, readonly lasted: number }
  /** The version is too old for the server (410), as an answer or as an event. */
  | { readonly type: 'expired' }
  /** The token was refused (401). */
  | { readonly type: 'unauthorized' }
  /** `retryAfter` is the pause that the server asks for, in ms, and `version` the last one that a watch told before it failed. */
  | { readonly type: 'failed', readonly retryAfter?: number, readonly version?: string }
  /** A watch has told an error that is no 410. */
  | { readonly type: 'confused' }

export interface Following {
  readonly step: Step
  /** Failures in a row. */
  readonly failures: number
  readonly failedAt: number
  /** The token was refused, and has been read again at once. */
  readonly tokenRead: boolean
  /** The version has expired, and no watch has lasted since. */
  readonly expired: boolean
}

export const FIRST_STEP: Following = {
  step: { type: 'list', version: '0', paged: true },
  failures: 0,
  failedAt: -Infinity,
  tokenRead: false,
  expired: false
}

// client-go's reflector: 0.8 s, doubled up to 30 s with jitter, and forgotten after two minutes without a failure. In ms.
const FIRST_PAUSE = 800
const LONGEST_PAUSE = 30_000
const FORGOTTEN = 120_000
// In ms. A watch that ends sooner, again and again, is not to be a busy loop.
const BRIEF = 1_000

/**
 * Decides how EndpointSlices are followed: a list, then watches from its version on, each from where the one before has ended. A watch that
 * fails is taken up again; only a version that the server has forgotten needs another list. Pure.
 *
 * @param random in [0, 1)
 */
export function nextStep (following: Following, outcome: Outcome, now: number, random: number): { following: Following, wait: number } {
  const { step } = following
  const at = (next: Step, wait: number, changes: Partial<Following> = {}) =>
    ({ following: { ...following, step: next, tokenRead: false, ...changes }, wait })
  const later = (next: Step, least = 0) => {
    const failures = now - following.failedAt > FORGOTTEN ? 0 : following.failures
    const pause = Math.min(FIRST_PAUSE * 2 ** failures, LONGEST_PAUSE / 2) * (1 + random)
    const changes = { failures: Math.min(failures + 1, 30), failedAt: now, tokenRead: following.tokenRead }
    return at(next, Math.min(Math.max(pause, least), LONGEST_PAUSE), changes)
  }
  switch (outcome.type) {
    case 'listed': return at({ type: 'watch', version: outcome.version }, 0)
    case 'watched': {
      const next: Step = { type: 'watch', version: outcome.version }
      return outcome.lasted < BRIEF ? later(next) : at(next, 0, { failures: 0, expired: false })
    }
    case 'expired': {
      // A page of a list expires if its snapshot is gone: then all pages are asked for at once.
      const next: Step = { type: 'list', version: '', paged: step.type === 'watch' }
      return following.expired ? later(next) : at(next, 0, { expired: true })
    }
    case 'unauthorized': return following.tokenRead ? later(step) : at(step, 0, { tokenRead: true })
    case 'failed': {
      const next: Step = step.type === 'watch' ? { type: 'watch', version: outcome.version ?? step.version } : step
      return later(next, outcome.retryAfter)
    }
    case 'confused': return later({ type: 'list', version: '', paged: true })
  }
}
