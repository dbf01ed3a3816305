/** When a backend of the simulation closes its connections; times in ms. */
export interface SimulatedBackend {
  /** What a new connection is told apart by, where servers behind one address differ. */
  habit (random: () => number): number
  /** How long a connection lies idle there, from an answer that leaves at `at`, until it is closed. */
  closesAfter (at: number, habit: number, random: () => number): number
  /** The shortest of these at a time: what a pool should find out. */
  shortest (at: number): number
  /** When it restarts next, and closes all it has; Infinity for never. */
  restartsAfter (at: number, random: () => number): number
  /** When it is next configured anew. */
  changesAfter (at: number): number
  /** The part of requests on reused connections that it closes instead of answering. */
  readonly kills: number
}

const STEADY = { habit: () => 0, restartsAfter: () => Infinity, changesAfter: () => Infinity, kills: 0 }

/** One idle timeout, which the backend's own loop keeps late by up to `jitter`. */
export function fixed (timeout: number, jitter = 0): SimulatedBackend {
  return { ...STEADY, closesAfter: (_at, _habit, random) => timeout + jitter * random(), shortest: () => timeout }
}

/** Anywhere between two idle times: each connection is looked at now and then, as by gunicorn's threads. */
export function spread (least: number, most: number): SimulatedBackend {
  return { ...STEADY, closesAfter: (_at, _habit, random) => least + (most - least) * random(), shortest: () => least }
}

/** Looks at all connections every so often, and closes those of a certain idle time in one go. */
export function sweeping (timeout: number, every: number): SimulatedBackend {
  return { ...STEADY, closesAfter: at => Math.ceil((at + timeout) / every) * every - at, shortest: () => timeout }
}

/** Two servers behind one address; `share` of the connections go to the first. */
export function twoHabits (first: number, second: number, share: number): SimulatedBackend {
  return {
    ...STEADY,
    habit: random => random() < share ? first : second,
    closesAfter: (_at, habit) => habit,
    shortest: () => Math.min(first, second)
  }
}

/** As another, but restarted now and then, and every connection closed. */
export function restarting (backend: SimulatedBackend, meanInterval: number): SimulatedBackend {
  return { ...backend, restartsAfter: (at, random) => at - meanInterval * Math.log(1 - random()) }
}

/** As another, but some requests end their connection. */
export function killing (backend: SimulatedBackend, kills: number): SimulatedBackend {
  return { ...backend, kills }
}

/** Configured anew every so often, timeouts in turn: by a restart, or as its connections become idle the next time. */
export function reconfigured (timeouts: readonly number[], every: number, how: 'restart' | 'live'): SimulatedBackend {
  const timeout = (at: number): number => timeouts[Math.floor(at / every) % timeouts.length]!
  const changesAfter = (at: number): number => (Math.floor(at / every) + 1) * every
  return {
    ...STEADY,
    closesAfter: timeout,
    shortest: timeout,
    restartsAfter: how === 'restart' ? changesAfter : () => Infinity,
    changesAfter
  }
}
