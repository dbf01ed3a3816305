import { LONGEST_TIMER } from '../options/timer.js'

/** What values a variable takes, as JSON Schema has them, and in words: "is not <description>". */
interface Variable<Type extends 'integer' | 'string'> {
  readonly type: Type
  readonly description: string
  readonly [keyword: string]: unknown
}

const BALANCES = ['least-requests', 'round-robin', 'hash']
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

// `nullable` reads an empty string as not given: compose files and .env files write it so.
const number = (minimum: number, maximum: number, description: string): Variable<'integer'> => {
  return { type: 'integer', nullable: true, minimum, maximum, description }
}
const oneOf = (values: readonly string[], description: string): Variable<'string'> => {
  return { type: 'string', enum: [...values, ''], description }
}

const time = number(0, LONGEST_TIMER, `a time in whole milliseconds, 0 to ${LONGEST_TIMER}`)
const timeAboveZero = number(1, LONGEST_TIMER, `a time in whole milliseconds, 1 to ${LONGEST_TIMER}`)
const count = number(0, Number.MAX_SAFE_INTEGER, 'a whole number')
const countAboveZero = number(1, Number.MAX_SAFE_INTEGER, 'a whole number above 0')
const port = number(0, 65_535, 'a port, 0 to 65535')
const text: Variable<'string'> = { type: 'string', description: 'text' }
const host: Variable<'string'> = { ...text, pattern: '^[^\\s/,]*$', description: 'an address or a host name to listen on' }
const flag = oneOf(['true', 'false'], 'true or false')

/** Every variable of the microservice. */
export const VARIABLES = {
  HOST: host,
  PORT: port,
  UPSTREAMS: text,
  WEBSOCKET: flag,
  MAX_UPGRADED: count,
  TUNNEL_IDLE_TIMEOUT_MS: time,
  KEEP_ALIVE_TIMEOUT_MS: time,
  MAX_CONNECTION_AGE_MS: time,
  CONNECTIONS: countAboveZero,
  MAX_TARGET_CONNECTIONS: countAboveZero,
  MAX_PENDING: count,
  PENDING_TIMEOUT_MS: timeAboveZero,
  CONNECT_TIMEOUT_MS: timeAboveZero,
  HEADERS_TIMEOUT_MS: time,
  BODY_TIMEOUT_MS: time,
  TOTAL_TIMEOUT_MS: time,
  BODY_LIMIT: number(0, Number.MAX_SAFE_INTEGER, 'a whole number of bytes'),
  BALANCE: oneOf(BALANCES, `one of ${BALANCES.join(', ')}`),
  AFFINITY: text,
  AFFINITY_SECRET: text,
  AFFINITY_SECRET_FILE: text,
  EJECTION: flag,
  HEALTH_CHECK_PATH: { ...text, pattern: '^$|^/[!"$-~]*$', description: 'a path, like /health' },
  DISCOVERY_REFRESH_MS: timeAboveZero,
  CLIENT_BODY_TIMEOUT_MS: time,
  CLIENT_KEEP_ALIVE_TIMEOUT_MS: time,
  TRUST_PROXY: text,
  DRAIN_DELAY_MS: time,
  DRAIN_DEADLINE_MS: time,
  ADMIN_PORT: port,
  ADMIN_HOST: host,
  ADMIN_TOKEN: text,
  ADMIN_TOKEN_FILE: text,
  ADMIN_ALLOWED_HOSTS: text,
  METRICS_PATH: text,
  PROXY_STATUS: flag,
  VIA: flag,
  LOG_LEVEL: oneOf(LOG_LEVELS, `one of ${LOG_LEVELS.join(', ')}`),
  LOG_MASK: text,
  LOG_SKIP_PATHS: text,
  SAMPLES: flag,
  SAMPLE_LOAD: oneOf(['0', '1'], '0 or 1'),
  NODE_ENV: text,
  IGNORED_WARNINGS: text,
  IGNORED_VARIABLES: text
}

export type VariableName = keyof typeof VARIABLES

/** The values that are given: null or '' stands for a variable that is set to nothing. */
export type Values = { [Name in VariableName]?: ((typeof VARIABLES)[Name] extends Variable<'integer'> ? number : string) | null }
