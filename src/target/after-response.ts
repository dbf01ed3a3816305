/**
 * What is known of closes that come right behind a response, unannounced: some servers close after HEAD, or after the nth request of a
 * connection, and a request that is written before the FIN is here is lost. Times in ms.
 */
export interface AfterResponse {
  /** By what they came behind: a method, or `#n` for a connection's nth response; latest last. */
  readonly habits: ReadonlyMap<string, Habit>
}

interface Habit {
  /** The longest time from the response to the close. */
  readonly gap: number
  /** Connections that served another request after such a response, since the last close. */
  readonly kept: number
}

/** What a response was to, and which of its connection's it was. */
export interface Served { readonly method: string | undefined, readonly nth: number }

export type AfterResponseEvent =
  /** The backend closed a connection so long after this response, or was found to have. */
  | { readonly type: 'closed', readonly after: Served, readonly ms: number }
  /** Another request was answered after it. */
  | { readonly type: 'kept', readonly after: Served }

export const NO_HABIT: AfterResponse = { habits: new Map() }

/** A close that comes later is an idle close: `ESTIMATOR.shortest` of idle-limit.ts. In ms. */
export const RIGHT_BEHIND = 100
// Seen a little early or late by the loop's turns, at both ends.
const UNCERTAIN = 1
const FACTOR = 2
// What a backend keeps so often, in a row, it does not close by habit.
const FORGOTTEN_AFTER = 4
// Methods are few; of numbers of requests there is one that matters.
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
