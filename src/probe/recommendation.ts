import type { PoolOptions, UndiciOptions } from '../options/option-types.js'
import { resolveTargetOptions } from '../options/target-options.js'
import { idleLimit } from '../target/idle-limit.js'
import type { Measurements } from './measurements.js'
import { persistenceOf, smallestClose, unannouncedLimit, viaStopsCompression } from './measurements.js'

export interface Recommendation { readonly undiciOptions: UndiciOptions, readonly pool: PoolOptions, readonly via?: false }

/** How the recommended keepAliveTimeout comes from the measured one, for a comment beside the option. It follows "the setting is". */
export const MARGIN_RULE = 'less by 1 s or 10 %, whichever is more, and at least half of it'

/** What to set for a backend. Leaves out what follows from the defaults and from the backend's own headers. */
export function recommend (found: Measurements): Recommendation {
  const ofRoute = viaStopsCompression(found) === true ? { via: false } as const : {}
  // The gateway itself recognises a backend that keeps no connections.
  if (persistenceOf(found.firsts) !== true) return { undiciOptions: {}, pool: {}, ...ofRoute }
  const limit = unannouncedLimit(found)
  const measured = found.idle && smallestClose(found.idle)
  const keepAliveTimeout = measured === undefined ? undefined : lessMargin(measured)
  const byDefault = idleLimit(resolveTargetOptions({}, {}).undiciOptions, found.firsts[0]!.answer.signal?.timeout, undefined).effective
  return {
    undiciOptions: keepAliveTimeout !== undefined && keepAliveTimeout < byDefault ? { keepAliveTimeout } : {},
    pool: limit === undefined ? {} : { maxRequestsPerConnection: limit },
    ...ofRoute
  }
}

/** @param measured the smallest idle time after which a connection was closed, in ms */
export function lessMargin (measured: number): number {
  const safe = Math.max(measured / 2, measured - Math.max(1_000, measured / 10))
  // Rounded, since backends close less exactly than the figure would look.
  const step = safe >= 500 ? 100 : 10
  return Math.max(step, Math.round(safe / step) * step)
}
