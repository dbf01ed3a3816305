import { addressId } from '../discovery/source.js'
import { hostOf } from './private-host.js'
import type { CheckedTarget } from './rule.js'

/** How many endpoints a target has; undefined where discovery decides, and where each request chooses its target. */
export function endpointCount ({ origin, plan }: CheckedTarget): number | undefined {
  if (origin === undefined) return undefined
  if (plan === undefined || plan.kind === 'origin') return 1
  return plan.kind === 'list' ? plan.found.length : undefined
}

/** Whether a target has several endpoints, or discovery that may find several. */
export function hasSeveral (target: CheckedTarget): boolean {
  return target.origin !== undefined && endpointCount(target) !== 1
}

/** A host that a target's connections go to, and its origin for a person. */
export interface Backend { readonly host: string, readonly origin: string }

/** The backends that a target's settings name: those of its list, or else the one of its origin. */
export function backendsOf ({ origin, plan }: CheckedTarget): readonly Backend[] {
  if (origin === undefined) return []
  if (plan?.kind !== 'list') return [{ host: hostOf(origin), origin: origin.origin }]
  return plan.found.map(({ host, port }) => ({ host, origin: new URL(`${origin.protocol}//${addressId(host, port)}`).origin }))
}

// So many places are named. A target may have a thousand endpoints.
const MOST_NAMED = 3

/** Places for a person, the first few of them. */
export function some (places: readonly string[]): string {
  const named = places.slice(0, MOST_NAMED).join(', ')
  return places.length <= MOST_NAMED ? named : `${named} and ${places.length - MOST_NAMED} more`
}
