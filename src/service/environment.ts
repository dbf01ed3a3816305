import { envSchema } from 'env-schema'
import type { MaskedNames } from '../http/secret-names.js'
import type { AdminOptions } from '../options/option-types.js'
import { VERBOSE, faultOf } from '../quirks/env-schema.js'
import { readAdmin } from './admin-variables.js'
import { readDotEnv } from './dot-env.js'
import { wrongValue } from './environment-error.js'
import { readMaskedNames } from './masked-names.js'
import { readSkippedPaths } from './skipped-paths.js'
import { readTrustProxy } from './trust-proxy.js'
import { readUpstreams } from './upstreams.js'
import type { UpstreamEntry } from './upstreams.js'
import { VARIABLES } from './variables.js'
import type { Values, VariableName } from './variables.js'

/** The settings of the microservice. Times in ms. `undefined` leaves a setting at the default of the gateway plugin. */
export interface Environment {
  readonly host: string
  readonly port: number
  readonly upstreams: readonly UpstreamEntry[]
  readonly keepAliveTimeout: number | undefined
  readonly connections: number | undefined
  readonly headersTimeout: number | undefined
  readonly bodyTimeout: number | undefined
  /** Whose X-Forwarded-* headers are believed: true: all clients'; false: no client's; or those of these addresses and ranges. */
  readonly trustProxy: boolean | string[]
  readonly drainDeadline: number | undefined
  /** Whether responses have a `Proxy-Status` header. */
  readonly proxyStatus: boolean
  /** Whether forwarded messages have a `Via` header. */
  readonly via: boolean
  /** Where the admin surface listens; undefined, for no admin surface, unless ADMIN_PORT is set. */
  readonly admin: AdminOptions | undefined
  readonly logLevel: string
  /** The parameters of URLs that are masked in the log; undefined: the default ones. */
  readonly logMask: MaskedNames | undefined
  /** Paths whose requests are not logged at `info`; each that ends in `/*` is all below it. */
  readonly logSkipPaths: readonly string[]
  /** Whether the microservice sends a low load to the samples, where they run. */
  readonly sampleLoad: boolean
  readonly production: boolean
}

// Without a .env the samples run, which the network is not meant to reach. A deployment that forgets HOST fails at its first request, and
// is noticed; a port that is open by mistake is not.
const HOST = '127.0.0.1'
const PORT = 8080
const LOG_LEVEL = 'info'

/**
 * Reads the microservice's settings from a .env file, where there is one, and from `variables`, which win. Throws EnvironmentError for the
 * first variable whose value is not possible.
 *
 * @param path of the .env file, relative to the working directory
 */
export function readEnvironment (variables: NodeJS.ProcessEnv = process.env, path = '.env'): Environment {
  const values = checked({ ...readDotEnv(path), ...variables })
  return Object.freeze({
    host: values.HOST || HOST,
    port: values.PORT ?? PORT,
    upstreams: readUpstreams(values.UPSTREAMS ?? ''),
    keepAliveTimeout: values.KEEP_ALIVE_TIMEOUT_MS ?? undefined,
    connections: values.CONNECTIONS ?? undefined,
    headersTimeout: values.HEADERS_TIMEOUT_MS ?? undefined,
    bodyTimeout: values.BODY_TIMEOUT_MS ?? undefined,
    trustProxy: readTrustProxy(values.TRUST_PROXY ?? ''),
    drainDeadline: values.DRAIN_DEADLINE_MS ?? undefined,
    proxyStatus: values.PROXY_STATUS === 'true',
    via: values.VIA !== 'false',
    admin: readAdmin(values),
    logLevel: values.LOG_LEVEL || LOG_LEVEL,
    logMask: readMaskedNames(values.LOG_MASK ?? ''),
    logSkipPaths: readSkippedPaths(values.LOG_SKIP_PATHS ?? ''),
    sampleLoad: values.SAMPLE_LOAD !== '0',
    production: values.NODE_ENV === 'production'
  })
}

function checked (given: NodeJS.Dict<string>): Values {
  try {
    return envSchema<Values>({ schema: { type: 'object', properties: VARIABLES }, env: false, data: given, ajv: VERBOSE })
  } catch (error) {
    const { name, value } = faultOf(error) ?? {}
    if (name === undefined || !(name in VARIABLES)) throw error
    throw wrongValue(name, value, `is not ${VARIABLES[name as VariableName].description}`)
  }
}
