/** When a simulated backend closes its connections. Times in ms. */
export interface SimulatedBackend {
  /** Which server a new connection reaches, if several differ behind one address. */
  habit (random: () => number): number
  /** How long after an answer that leaves at `at` the backend closes the connection. */
  closesAfter (at: number, habit: number, random: () => number): number
  /** The shortest of these times at a moment: what a pool should learn. */
  shortest (at: number): number
  /** When it restarts next and closes all connections; Infinity for never. */
  restartsAfter (at: number, random: () => number): number
  /** When its configuration changes next. */
  changesAfter (at: number): number
  /** The share of requests on reused connections that it answers by closing. */
  readonly kills: number
}

const STEADY = { habit: () => 0, restartsAfter: () => Infinity, changesAfter: () => Infinity, kills: 0 }

/** One idle timeout, which the backend's event loop keeps up to `jitter` late. */
export function fixed (timeout: number, jitter = 0): SimulatedBackend {
  return { ...STEADY, closesAfter: (_at, _habit, random) => timeout + jitter * random(), shortest: () => timeout }
}

/** Closes anywhere between two idle times, since it looks at each connection only sometimes, as gunicorn's threads do. */
export function spread (least: number, most: number): SimulatedBackend {
  return { ...STEADY, closesAfter: (_at, _habit, random) => least + (most - least) * random(), shortest: () => least }
}

/** Looks at all connections at intervals, and closes all those that were idle for long enough. */
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

/** Another backend that also restarts sometimes, and closes every connection. */
export function restarting (backend: SimulatedBackend, meanInterval: number): SimulatedBackend {
  return { ...backend, restartsAfter: (at, random) => at - meanInterval * Math.log(1 - random()) }
}

/** Another backend that also closes some connections under a request. */
export function killing (backend: SimulatedBackend, kills: number): SimulatedBackend {
  return { ...backend, kills }
}

/** Changes its timeout at intervals: by a restart, or for connections that become idle after the change. */
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
