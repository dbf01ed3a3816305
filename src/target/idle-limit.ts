/** What bounds how long a connection may lie unused; all times in ms. Infinity where nothing is known. */
export interface IdleLimit {
  /** What the operator allows where the backend says nothing: keepAliveTimeout. */
  readonly configured: number
  /** What the backend claims in `Keep-Alive: timeout=`, less the threshold. */
  readonly hinted: number | undefined
  /** What was seen to be safe. */
  readonly learned: number | undefined
  readonly effective: number
}

export interface IdleSettings {
  readonly keepAliveTimeout: number
  readonly keepAliveMaxTimeout: number
  readonly keepAliveTimeoutThreshold: number
}

/**
 * With a hint: hint - threshold, up to keepAliveMaxTimeout. Without one: keepAliveTimeout. Never above what was learned.
 * The threshold is never more than half of the hint, or a backend that says 1 s could not be reused at all.
 *
 * @param claimed the last `Keep-Alive: timeout=` seen, in ms
 * @param learned the longest idle time known to be safe, in ms
 */
export function idleLimit (settings: IdleSettings, claimed: number | undefined, learned: number | undefined): IdleLimit {
  const hinted = claimed === undefined ? undefined : claimed - Math.min(settings.keepAliveTimeoutThreshold, claimed / 2)
  const believed = hinted === undefined ? settings.keepAliveTimeout : Math.min(hinted, settings.keepAliveMaxTimeout)
  return { configured: settings.keepAliveTimeout, hinted, learned, effective: Math.min(believed, learned ?? Infinity) }
}

// Where nothing is known, a connection used within the last second has the backend's attention: no server measured closes sooner.
const YOUNG = 1_000

/** How long a connection may have been idle for a request that could not be sent again, in ms. */
export function unsafeIdleLimit (limit: IdleLimit): number {
  return limit.hinted === undefined && limit.learned === undefined ? Math.min(YOUNG, limit.effective) : limit.effective / 2
}
