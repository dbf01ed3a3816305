/** @typedef {import('../src/admin/api-shapes.js').TargetSummary} TargetSummary */

// How many values a rate keeps: one for each second of the last minute.
const KEPT = 60

/** One target, and its rates since this page was opened. */
export class Trend {
  /** Requests per second, the latest last. @type {number[]} */
  requests = []
  /** Connections opened per second, the latest last. @type {number[]} */
  opened = []
  #at = 0

  /** @param {TargetSummary} snapshot */
  constructor (snapshot) {
    this.snapshot = snapshot
  }

  /**
   * @param {number} at epoch ms
   * @param {TargetSummary} snapshot
   */
  take (at, snapshot) {
    const before = this.snapshot.totals
    const seconds = (at - this.#at) / 1000
    // A restarted gateway counts from 0 again: skip that interval.
    if (this.#at !== 0 && seconds > 0 && snapshot.totals.requests >= before.requests && snapshot.totals.opened >= before.opened) {
      keep(this.requests, (snapshot.totals.requests - before.requests) / seconds)
      keep(this.opened, (snapshot.totals.opened - before.opened) / seconds)
    }
    this.#at = at
    this.snapshot = snapshot
  }

  get requestRate () { return this.requests.at(-1) ?? 0 }
  get openedRate () { return this.opened.at(-1) ?? 0 }
}

/** All targets, by name, in the gateway's order. */
export class Fleet {
  /** @type {ReadonlyMap<string, Trend>} */
  trends = new Map()
  /** Epoch ms of the last snapshot; 0 before the first. */
  at = 0
  /** Incremented when a target appears or disappears. */
  generation = 0

  /** @param {{ at: number, targets: TargetSummary[] }} message */
  take ({ at, targets }) {
    const trends = new Map()
    for (const snapshot of targets) {
      const trend = this.trends.get(snapshot.name) ?? new Trend(snapshot)
      trend.take(at, snapshot)
      trends.set(snapshot.name, trend)
    }
    const same = trends.size === this.trends.size && targets.every(({ name }) => this.trends.has(name))
    if (!same) this.generation++
    this.trends = trends
    this.at = at
  }
}

/**
 * @param {number[]} list
 * @param {number} value
 */
function keep (list, value) {
  list.push(value)
  if (list.length > KEPT) list.shift()
}
