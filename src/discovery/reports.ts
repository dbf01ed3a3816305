import type { DiscoveryFault } from './source.js'

/** What was said of a source. */
export interface Reported {
  /** Messages of the faults that were reported since the source was last well. */
  readonly faults: readonly string[]
  /** Since when it has answered without a fault; undefined if nothing is to be said of that. */
  readonly wellSince: number | undefined
}

export type SourceEvent =
  /** There is no answer, or a part of it is missing. */
  | { readonly type: 'fault', readonly fault: DiscoveryFault }
  /** A whole answer. */
  | { readonly type: 'well' }
  /** The time of `calmAt` has come. */
  | { readonly type: 'passed' }

/** What to log: a new fault, or that a source is well again, after how many different faults. */
export type Report = { readonly type: 'fault', readonly fault: DiscoveryFault } | { readonly type: 'well', readonly faults: number }

export const NOTHING_REPORTED: Reported = { faults: [], wellSince: undefined }

/**
 * How long, in ms, a source has to be without faults to be well. So a source that fails at every other question is reported once, and not
 * twice a question.
 */
export const CALM = 30_000
// A source that makes up new messages is not to fill the log.
const MOST_FAULTS = 8

/** Decides what is logged of a source: each fault once, until the source has been well for a while. Pure. */
export function nextReport (reported: Reported, event: SourceEvent, now: number): { reported: Reported, report?: Report } {
  const { faults, wellSince } = reported
  switch (event.type) {
    case 'fault': {
      const { fault } = event
      if (faults.includes(fault.message) || faults.length === MOST_FAULTS) return { reported: { faults, wellSince: undefined } }
      return { reported: { faults: [...faults, fault.message], wellSince: undefined }, report: { type: 'fault', fault } }
    }
    case 'well':
      return { reported: faults.length === 0 || wellSince !== undefined ? reported : { faults, wellSince: now } }
    case 'passed':
      if (wellSince === undefined || now - wellSince < CALM) return { reported }
      return { reported: NOTHING_REPORTED, report: { type: 'well', faults: faults.length } }
  }
}

/** When the source is well again, if no fault comes before; undefined if it is well, or failing. */
export function calmAt ({ wellSince }: Reported): number | undefined {
  return wellSince === undefined ? undefined : wellSince + CALM
}
