import type { Failure } from '../../src/connection/exchange.js'
import { HoldfastError } from '../../src/errors.js'

/** A request that was lost on a fresh connection before any byte of an answer. */
export const LOST: Failure = {
  error: new HoldfastError('HOLDFAST_ERR_CONNECTION_LOST'),
  lost: true,
  reused: false,
  writeBegun: true,
  responseStarted: false,
  unusedTimeout: false
}
