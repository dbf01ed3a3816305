import type { PoolOptions, UndiciOptions } from '../options.js'

/** What a probe found out of a backend: the shape that `holdfast probe --json` prints. Times in ms; null is unknown or not measured. */
export interface ProbeReport {
  readonly url: string
  readonly httpVersion: '1.0' | '1.1' | null
  /** Whether it keeps connections open; null also where it closes after an error that it answered. */
  readonly persistent: boolean | null
  /** The smallest idle time after which it closed a connection; null where none was closed within `maxWait`, and where it keeps none. */
  readonly idleTimeoutMs: number | null
  /** How it ends a connection: by a FIN, by an RST, or after it has said so. */
  readonly closesBy: 'fin' | 'rst' | 'announced' | null
  /** Requests after which it ends a connection; null where no limit was found. 1 where it keeps none. */
  readonly requestsPerConnection: number | null
  /** What `Keep-Alive` in its first response claims. */
  readonly hint: { readonly timeoutMs: number | null, readonly max: number | null }
  /** Whether a connection serves another request after a HEAD. */
  readonly headReuses: boolean | null
  /** The same after a POST; null unless a POST was asked for. */
  readonly postReuses: boolean | null
  /** Until the TCP connection stands, name lookup included. */
  readonly connectMs: number | null
  /** A full TLS handshake, on top of that. */
  readonly tlsMs: number | null
  /** Whether a second handshake resumes the first one's session. */
  readonly tlsResumes: boolean | null
  /** Where it does other than it says, a sentence each; they begin with one of the phrases of `LIES`. */
  readonly lies: readonly string[]
  /** What to set for this backend beyond the defaults; empty groups where they fit. */
  readonly recommended: { readonly undiciOptions: UndiciOptions, readonly pool: PoolOptions }
}
