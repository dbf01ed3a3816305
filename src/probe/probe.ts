import { HoldfastError } from '../errors.js'
import type { ConnectOptions } from '../options.js'
import type { ProbeReport } from './report.js'

export type { ProbeReport } from './report.js'

/** How to probe. Times in ms. */
export interface ProbeOptions {
  /** How long connections lie idle at most, and with it about how long the probe takes. */
  readonly maxWait: number
  /** Connections that lie idle at once. 16. */
  readonly connections?: number
  /** Requests tried on one connection, at most. 1 100: nginx ends one after 1 000, Apache after 101. */
  readonly requests?: number
  /** Request headers, names and values in turn, as undici takes them. */
  readonly headers?: readonly string[]
  /** The path to send POSTs without a body to. Default: no POST is sent. */
  readonly post?: string | undefined
  /** How to connect: TLS and socket options, as in `undiciOptions.connect`. */
  readonly connect?: ConnectOptions
  /** How long an answer may take. 10 000. */
  readonly answerTimeout?: number
  /** Ends the probe early, with what is known by then. */
  readonly signal?: AbortSignal
  /** Told now and then what is going on, in one line for a person. */
  readonly onProgress?: (text: string) => void
}

/** Measures what a backend does with its connections. Throws HoldfastError where it cannot be reached or gives no answer. */
export async function probe (_url: URL, _options: ProbeOptions): Promise<ProbeReport> {
  throw new HoldfastError('HOLDFAST_ERR_CONNECT')
}
