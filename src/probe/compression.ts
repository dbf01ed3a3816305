import type { Compression } from './measurements.js'
import type { Answer, ProbedConnection } from './probed-connection.js'
import type { Subject } from './subject.js'

const TAKES_GZIP = ['Accept-Encoding', 'gzip']
// As the gateway sends it.
const PASSED_HERE = ['Via', '1.1 holdfast']

/**
 * Asks for the same page without `Via`, with `Via`, and without `Via` again. Resolves to undefined where these answers prove nothing: they
 * differ in more than their coding, or the user's own headers have a `Via`. Rejects with a HoldfastError where there is no connection.
 */
export async function measureCompression (subject: Subject): Promise<Compression | undefined> {
  if (subject.sends('via')) return undefined
  const takes = subject.sends('accept-encoding') ? [] : TAKES_GZIP
  const asker = new Asker(subject)
  try {
    const before = await asker.ask(takes)
    const passed = await asker.ask([...takes, ...PASSED_HERE])
    const after = await asker.ask(takes)
    const same = before.status === passed.status && before.status === after.status && before.coding === after.coding
    return same ? { plain: before.coding, withVia: passed.coding } : undefined
  } finally {
    asker.end()
  }
}

/** Asks on one connection for as long as the backend keeps it, then on the next. */
class Asker {
  readonly #subject: Subject
  #connection: ProbedConnection | undefined

  constructor (subject: Subject) {
    this.#subject = subject
  }

  async ask (headers: readonly string[]): Promise<Answer> {
    // The backend may have closed the kept connection meanwhile. Then a fresh connection is used.
    const kept = this.#connection
    const answer = await this.#askOn(kept ?? await this.#subject.open(), headers)
    if (answer.failure === undefined) return answer
    const { error, lost, responseStarted } = answer.failure
    if (kept === undefined || !lost || responseStarted) throw error
    const again = await this.#askOn(await this.#subject.open(), headers)
    if (again.failure !== undefined) throw again.failure.error
    return again
  }

  end (): void {
    this.#connection?.destroy()
  }

  async #askOn (connection: ProbedConnection, headers: readonly string[]): Promise<Answer> {
    this.#connection = connection
    const answer = await connection.ask('GET', undefined, headers)
    if (!answer.reusable) {
      connection.destroy()
      this.#connection = undefined
    }
    return answer
  }
}
