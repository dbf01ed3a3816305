import type { Answer, Found } from './source.js'

interface Member {
  readonly found: Found
  /** Since when answers lack it; undefined if the last answer had it. */
  readonly missingSince: number | undefined
  /** Its last dial was refused. */
  readonly refuses: boolean
}

/** The endpoints that are believed in. */
export interface Held {
  readonly members: ReadonlyMap<string, Member>
  /** The longest absence, in ms, after which an endpoint came back before it was given up. */
  readonly longestAbsence: number
  /** Since when a source that vouches for its answers has answered with none; undefined otherwise. */
  readonly emptySince: number | undefined
  /** How many endpoints of the last answer were too many. */
  readonly left: number
}

/** What happens to endpoints. A failure of a source is no event: it changes nothing. */
export type HoldEvent =
  | { readonly type: 'answer', readonly answer: Answer }
  /** A dial of this endpoint was refused. */
  | { readonly type: 'refuses', readonly id: string }
  /** A dial of this endpoint has succeeded. */
  | { readonly type: 'serves', readonly id: string }
  /** The time of `heldUntil` has come. */
  | { readonly type: 'passed' }

export interface HoldSettings {
  /** How long, in ms, an endpoint is kept that answers lack, while it serves. */
  readonly hold: number
  /** The most endpoints. */
  readonly most: number
}

export const NOTHING_HELD: Held = { members: new Map(), longestAbsence: 0, emptySince: undefined, left: 0 }

// Name servers that answer with a random part of a list leave an endpoint out for a while, and then not. An endpoint is given up after
// this many times the longest absence that was one of these ...
const ABSENCES = 3
// ... and in any case after this many times `hold`.
const MOST_HOLDS = 10

/**
 * Decides which endpoints there are, from answers that may be partial, old or empty. Pure. Its rules:
 *
 * - An endpoint that answers lack stays for `hold`, since a name server may answer with three of nine addresses, or with an old list. It
 *   goes at once if it refuses dials. Only an answer gives it up, so an outage of the name server gives up no endpoint.
 * - If endpoints come back that were missing, answers are partial, and `hold` is too short: more is granted, as measured.
 * - An empty answer gives up no endpoint. Only a source that vouches for its answers can be empty, and is believed after `hold`: in
 *   Kubernetes, addresses of pods that are gone get to pods of other services.
 */
export function nextHeld (held: Held, event: HoldEvent, now: number, settings: HoldSettings): Held {
  switch (event.type) {
    case 'answer': return answered(held, event.answer, now, settings)
    case 'refuses': return refused(held, event.id)
    case 'serves': return withMember(held, event.id, { refuses: false })
    case 'passed': return now >= (heldUntil(held, settings) ?? Infinity) ? { ...held, members: new Map(), emptySince: undefined } : held
  }
}

/** When the endpoints of a source that has become empty are given up; undefined if nothing is to be done at a certain time. */
export function heldUntil ({ emptySince }: Held, { hold }: HoldSettings): number | undefined {
  return emptySince === undefined ? undefined : emptySince + hold
}

/** The endpoints, those of the last answer and those that are kept. */
export function endpointsOf ({ members }: Held): Found[] {
  return Array.from(members.values(), ({ found }) => found)
}

/** How many endpoints are kept that answers lack. */
export function missingOf ({ members }: Held): number {
  let missing = 0
  for (const { missingSince } of members.values()) if (missingSince !== undefined) missing++
  return missing
}

function answered (held: Held, { found, absence }: Answer, now: number, settings: HoldSettings): Held {
  if (found.length === 0) return absence === 'held' ? held : emptied(held, now, settings)
  const here = new Map(found.map(one => [one.id, one]))
  const longestAbsence = [...here.keys()].reduce((longest, id) => {
    const since = held.members.get(id)?.missingSince
    return since === undefined || absence === 'gone' ? longest : Math.max(longest, now - since)
  }, held.longestAbsence)
  const patience = Math.min(Math.max(settings.hold, ABSENCES * longestAbsence), MOST_HOLDS * settings.hold)
  const kept = absence === 'gone' ? new Map<string, number>() : stillHeld(held, here, now, patience, settings.most - here.size)
  const members = new Map<string, Member>()
  // Those that were there before come first, and in their old order: the latest ones are left out if there are too many.
  for (const [id, member] of held.members) {
    const found = here.get(id)
    const since = kept.get(id)
    if (found !== undefined) members.set(id, { found, missingSince: undefined, refuses: member.refuses })
    else if (since !== undefined) members.set(id, { ...member, missingSince: since })
  }
  let left = 0
  for (const [id, found] of here) {
    if (members.has(id)) continue
    if (members.size < settings.most) members.set(id, { found, missingSince: undefined, refuses: false })
    else left++
  }
  return { members, longestAbsence, emptySince: undefined, left }
}

/** Since when those are missing that are kept. Where not all can be kept, those are that are missing for the shortest time. */
function stillHeld ({ members }: Held, here: ReadonlyMap<string, Found>, now: number, patience: number, most: number): Map<string, number> {
  const missing: [id: string, since: number][] = []
  for (const [id, { missingSince = now, refuses }] of members) {
    if (!here.has(id) && !refuses && now - missingSince < patience) missing.push([id, missingSince])
  }
  return new Map(missing.sort(([, a], [, b]) => b - a).slice(0, Math.max(0, most)))
}

function emptied (held: Held, now: number, { hold }: HoldSettings): Held {
  if (held.members.size === 0 || held.emptySince !== undefined) return held
  if (hold === 0) return { ...held, members: new Map() }
  const members = new Map<string, Member>()
  for (const [id, member] of held.members) if (!member.refuses) members.set(id, { ...member, missingSince: member.missingSince ?? now })
  return { ...held, members, emptySince: now }
}

function refused (held: Held, id: string): Held {
  const member = held.members.get(id)
  if (member?.missingSince === undefined) return withMember(held, id, { refuses: true })
  const members = new Map(held.members)
  members.delete(id)
  return { ...held, members }
}

function withMember (held: Held, id: string, change: Partial<Member>): Held {
  const member = held.members.get(id)
  if (member === undefined || member.refuses === change.refuses) return held
  return { ...held, members: new Map(held.members).set(id, { ...member, ...change }) }
}
