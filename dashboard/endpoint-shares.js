/** @typedef {import('../src/index.js').EndpointSnapshot} EndpointSnapshot */

/** Over how long shares are taken, in ms: long enough to be calm, and short enough to show an ejection. */
const WINDOW = 10_000

/** Each endpoint's share of the requests of its target in the last seconds. */
export class EndpointShares {
  /** Requests so far by endpoint, oldest first. @type {{ at: number, requests: Map<string, number> }[]} */
  #samples = []
  /** @type {Map<string, number>} */
  #shares = new Map()

  /**
   * @param {number} at epoch ms
   * @param {readonly EndpointSnapshot[]} endpoints
   */
  take (at, endpoints) {
    const samples = this.#samples
    if (at <= (samples.at(-1)?.at ?? 0)) return
    // After a pause, as of a hidden page, what was counted before says nothing about now.
    if (at - (samples.at(-1)?.at ?? at) > WINDOW) samples.length = 0
    samples.push({ at, requests: new Map(endpoints.map(({ id, requests }) => [id, requests])) })
    while (samples.length > 2 && /** @type {{ at: number }} */ (samples[1]).at <= at - WINDOW) samples.shift()
    this.#shares.clear()
    if (samples.length < 2) return
    const before = /** @type {{ requests: Map<string, number> }} */ (samples[0]).requests
    let total = 0
    for (const { id, requests } of endpoints) {
      const earlier = before.get(id) ?? 0
      // Fewer than before: an address that was listed again is a new endpoint.
      const added = requests < earlier ? requests : requests - earlier
      total += added
      this.#shares.set(id, added)
    }
    for (const [id, added] of this.#shares) this.#shares.set(id, added / total)
  }

  /**
   * @param {string} id
   * @returns {number | undefined} from 0 to 1; undefined where there were no requests, or before the second snapshot
   */
  of (id) {
    const share = this.#shares.get(id)
    return share === undefined || Number.isNaN(share) ? undefined : share
  }
}
