import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'

const LOOK = 4

/** Resolves to whether the condition became true within `ms`. */
export async function soon (holds: () => boolean, ms: number): Promise<boolean> {
  for (const deadline = performance.now() + ms; performance.now() < deadline; await wait(LOOK)) if (holds()) return true
  return holds()
}

/** Rejects if the condition does not become true in time. */
export async function until (holds: () => boolean, what: string, ms = 3_000): Promise<void> {
  if (!await soon(holds, ms)) throw new Error(`after ${ms} ms still waiting until ${what}`)
}

/** Rejects if a promise does not settle in time. */
export async function within<T> (ms: number, promise: Promise<T>, what: string): Promise<T> {
  const settled = new AbortController()
  const late = wait(ms, undefined, { signal: settled.signal }).then(() => { throw new Error(`after ${ms} ms still waiting for ${what}`) })
  late.catch(() => {})
  try {
    return await Promise.race([promise, late])
  } finally {
    settled.abort()
  }
}

/** Some turns of the event loop, in which pending events are handled. */
export async function turns (count = 6): Promise<void> {
  for (let i = 0; i < count; i++) await turn()
}
