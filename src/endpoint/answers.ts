// An answer to another client, in ms ago, shows that an endpoint is not used by one client alone.
const LATELY = 60_000

/**
 * When an endpoint has answered, and whom: the last two clients. It is noted at each response, so it allocates nothing. Times in ms.
 *
 * The policies ask it two things. Was the endpoint silent while a request waited in vain? And has one client seen all of the failures,
 * though the endpoint answers others? Such a client may have provoked them.
 */
export class Answers {
  #client: string | undefined
  #at = -Infinity
  #before: string | undefined
  #beforeAt = -Infinity

  /** When it answered last; -Infinity before the first time. */
  get last (): number { return this.#at }

  /** @param client a key of the client, for example its address; undefined where it is not known */
  answered (client: string | undefined, now: number): void {
    if (client !== this.#client) {
      this.#before = this.#client
      this.#beforeAt = this.#at
      this.#client = client
    }
    this.#at = now
  }

  /** Whether a client other than this one has been answered lately. */
  toOthers (client: string | undefined, now: number): boolean {
    const at = this.#client !== client ? this.#at : this.#before !== client ? this.#beforeAt : -Infinity
    return now - at < LATELY
  }
}
