import { createHmac, timingSafeEqual } from 'node:crypto'

// What the seal is for. Without it, a seal of another use of the same secret would be one of this.
const PURPOSE = 'holdfast endpoint of a cookie, 1'
// An id has 11 characters, and a seal 43. Longer values are not read.
const LONGEST = 128

/**
 * Names endpoints in cookies: `id.seal`, where the seal is the HMAC-SHA-256 of the cookie's name and the endpoint's id. Replicas with the
 * same secret agree, without a table. A client can read which id it is bound to, and cannot bind itself to one that it was not given.
 *
 * The first secret seals, and all of them open. To rotate, put the new secret first, and remove the old one later.
 */
export class SealedEndpoints {
  readonly #secrets: readonly [string, ...string[]]
  readonly #cookie: string
  /** The seals of an id, by secret. An id that was opened or sealed is one of the target's endpoints, so they are few. */
  readonly #seals = new Map<string, readonly Buffer[]>()

  /** @param cookie the cookie's name: what is sealed for one cookie is not valid in another */
  constructor (secrets: readonly [string, ...string[]], cookie: string) {
    this.#secrets = secrets
    this.#cookie = cookie
  }

  /** The value that binds a client to an endpoint. */
  seal (id: string): string {
    return `${id}.${this.#sealsOf(id)[0]!.toString('base64url')}`
  }

  /**
   * The id that a value names; undefined if the value was not made with one of the secrets, or if the id is not known: the endpoint is
   * gone, or never was. `renew`: an old secret has sealed it, so the cookie should be set again.
   */
  open (value: string, isKnown: (id: string) => boolean): { readonly id: string, readonly renew: boolean } | undefined {
    if (value.length > LONGEST) return undefined
    const dot = value.indexOf('.')
    const id = value.slice(0, Math.max(dot, 0))
    // Asked first, so that seals are made and kept for endpoints only, whatever clients send.
    if (!isKnown(id)) return undefined
    const given = Buffer.from(value.slice(dot + 1), 'base64url')
    // Base64 has several texts for the same bytes. One is right.
    if (given.toString('base64url') !== value.slice(dot + 1)) return undefined
    let found = -1
    for (const [place, seal] of this.#sealsOf(id).entries()) {
      // Each secret is tried, so that the time does not tell which one fits.
      if (given.length === seal.length && timingSafeEqual(given, seal) && found === -1) found = place
    }
    return found === -1 ? undefined : { id, renew: found > 0 }
  }

  /** Forgets an endpoint that is gone. */
  forget (id: string): void {
    this.#seals.delete(id)
  }

  #sealsOf (id: string): readonly Buffer[] {
    let seals = this.#seals.get(id)
    if (seals === undefined) {
      seals = this.#secrets.map(secret => createHmac('sha256', secret).update(`${PURPOSE}\n${this.#cookie}\n${id}`).digest())
      this.#seals.set(id, seals)
    }
    return seals
  }
}
