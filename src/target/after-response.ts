/**
 * What is known of unannounced closes right behind a response. Some servers close after each HEAD, or after the nth request of a
 * connection; a request that is written before the FIN has arrived is lost. Times in ms.
 */
export interface AfterResponse {
  /** By what the closes followed: a method, or `#n` for the nth response of a connection. The latest is last. */
  readonly habits: ReadonlyMap<string, Habit>
}

interface Habit {
  /** The longest time from the response to the close. */
  readonly gap: number
  /** How many connections have served another request after such a response, since the last close. */
  readonly kept: number
}

/** The last response of a connection: the method of its request, and its number on the connection, from 1. */
export interface Served { readonly method: string | undefined, readonly nth: number }

export type AfterResponseEvent =
  /** The backend closed a connection `ms` after this response, or the close was found by the next request. */
  | { readonly type: 'closed', readonly after: Served, readonly ms: number }
  /** The connection answered another request after this response. */
  | { readonly type: 'kept', readonly after: Served }

export const NO_HABIT: AfterResponse = { habits: new Map() }

/** A close that comes later, in ms, is an idle close (`ESTIMATOR.shortest` of idle-limit.ts). */
export const RIGHT_BEHIND = 100
// The event loop sees a response or a close up to so many ms late.
const UNCERTAIN = 1
const FACTOR = 2
// A backend that keeps its connection so often in a row has no habit of closing it.
const FORGOTTEN_AFTER = 4
// Few methods are in use, and only one number of requests matters; this bounds the memory.
const MOST_HABITS = 32

/** What is known after an event. */
export function nextAfterResponse (state: AfterResponse, event: AfterResponseEvent): AfterResponse {
  const keys = keysOf(event.after)
  if (event.type === 'closed') {
    if (event.ms >= RIGHT_BEHIND) return state
    const habits = new Map(state.habits)
    for (const key of keys) {
      const gap = Math.max(event.ms, habits.get(key)?.gap ?? 0)
      habits.delete(key)
      habits.set(key, { gap, kept: 0 })
    }
    for (const oldest of habits.keys()) {
      if (habits.size <= MOST_HABITS) break
      habits.delete(oldest)
    }
    return { habits }
  }
  if (!keys.some(key => state.habits.has(key))) return state
  const habits = new Map(state.habits)
  for (const key of keys) {
    const habit = habits.get(key)
    if (habit === undefined) continue
    if (habit.kept + 1 >= FORGOTTEN_AFTER) habits.delete(key)
    else habits.set(key, { ...habit, kept: habit.kept + 1 })
  }
  return { habits }
}

/** How long a connection must have been open and quiet after a response before it carries a request that could not be sent again, in ms. */
export function quietAfter ({ habits }: AfterResponse, after: Served): number {
  let gap = -1
  for (const key of keysOf(after)) gap = Math.max(gap, habits.get(key)?.gap ?? -1)
  return gap < 0 ? 0 : FACTOR * gap + UNCERTAIN
}

function keysOf ({ method, nth }: Served): string[] {
  return [method ?? '', `#${nth}`]
}
