import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { TABLE, nameOf } from '../../src/options/table.js'
import { EnvironmentError } from '../../src/service/environment-error.js'
import { readEnvironment } from '../../src/service/environment.js'
import { typoInProcess } from '../../src/service/variable-typos.js'
import { VARIABLES } from '../../src/service/variables.js'
import { REAL_VARIABLES } from './real-variables.js'

const KNOWN = Object.keys(VARIABLES)

/** A misspelled name, and the variable that is meant. */
const TYPOS: Readonly<Record<string, string>> = {
  UPSTREAM: 'UPSTREAMS', UPSTRAEMS: 'UPSTREAMS', UPSREAMS: 'UPSTREAMS', UPSTREAMSS: 'UPSTREAMS', UPSTREAMS_: 'UPSTREAMS', UPSTRAEM: 'UPSTREAMS', UP_STREAMS: 'UPSTREAMS',
  upstreams: 'UPSTREAMS', Upstreams: 'UPSTREAMS', UpStream: 'UPSTREAMS',
  port: 'PORT', Port: 'PORT', PROT: 'PORT', PROt: 'PORT', POTR: 'PORT', OPRT: 'PORT', PPORT: 'PORT', PORTT: 'PORT', host: 'HOST', HSOT: 'HOST', HOTS: 'HOST', HOOST: 'HOST', via: 'VIA',
  CONECTIONS: 'CONNECTIONS', CONNECTION: 'CONNECTIONS', CONNECTONS: 'CONNECTIONS', CONNNECTIONS: 'CONNECTIONS', CONNETCIONS: 'CONNECTIONS', connections: 'CONNECTIONS',
  ADMIN_PROT: 'ADMIN_PORT', ADMN_PORT: 'ADMIN_PORT', ADMINPORT: 'ADMIN_PORT', 'ADMIN-PORT': 'ADMIN_PORT', 'ADMIN.PORT': 'ADMIN_PORT', ADMINPROT: 'ADMIN_PORT', adminPort: 'ADMIN_PORT',
  PORT_ADMIN: 'ADMIN_PORT', ADMIN_PORTS: 'ADMIN_PORT', ADMIN_HOTS: 'ADMIN_HOST', ADIMN_HOST: 'ADMIN_HOST', ADMIN_TOKN: 'ADMIN_TOKEN', ADMIN_TOKENS: 'ADMIN_TOKEN', ADMIN_TOEKN: 'ADMIN_TOKEN',
  KEEP_ALIVE_TIMEOUT: 'KEEP_ALIVE_TIMEOUT_MS', KEEPALIVE_TIMEOUT: 'KEEP_ALIVE_TIMEOUT_MS', KEEPALIVE_TIMEOUT_MS: 'KEEP_ALIVE_TIMEOUT_MS', KEEP_ALIVE_TIMEOUT_S: 'KEEP_ALIVE_TIMEOUT_MS',
  KEEP_ALIVE_TIMEOUT_SECONDS: 'KEEP_ALIVE_TIMEOUT_MS', keepAliveTimeout: 'KEEP_ALIVE_TIMEOUT_MS', KEEP_ALIVE_TIMOUT_MS: 'KEEP_ALIVE_TIMEOUT_MS', KEEP_ALIVE_TIMEOUT_SM: 'KEEP_ALIVE_TIMEOUT_MS',
  KEEP_ALIVE_TIMEOUTS_MS: 'KEEP_ALIVE_TIMEOUT_MS',
  HEADER_TIMEOUT_MS: 'HEADERS_TIMEOUT_MS', HEADERS_TIMEOUT: 'HEADERS_TIMEOUT_MS', HEADER_TIMEOUT: 'HEADERS_TIMEOUT_MS', BODY_TIMEOUT: 'BODY_TIMEOUT_MS', BODY_TIMEOUT_SEC: 'BODY_TIMEOUT_MS',
  TOTAL_TIMEOUT: 'TOTAL_TIMEOUT_MS', CONNECT_TIMEOUT: 'CONNECT_TIMEOUT_MS', PENDING_TIMEOUT: 'PENDING_TIMEOUT_MS', BODY_LIMITS: 'BODY_LIMIT',
  BODYLIMIT: 'BODY_LIMIT', MAX_UPGRADE: 'MAX_UPGRADED', MAXPENDING: 'MAX_PENDING', MAX_CONNECTION_AGE: 'MAX_CONNECTION_AGE_MS', CLIENT_BODY_TIMEOUT: 'CLIENT_BODY_TIMEOUT_MS',
  CLIENT_KEEPALIVE_TIMEOUT: 'CLIENT_KEEP_ALIVE_TIMEOUT_MS', TUNNEL_IDLE_TIMEOUT: 'TUNNEL_IDLE_TIMEOUT_MS',
  DRAIN_DEADLINE: 'DRAIN_DEADLINE_MS', DRAIN_DEADLNE_MS: 'DRAIN_DEADLINE_MS', DRIAN_DEADLINE_MS: 'DRAIN_DEADLINE_MS',
  TRUST_PROXIES: 'TRUST_PROXY', TRUSTED_PROXY: 'TRUST_PROXY', TRUSTED_PROXIES: 'TRUST_PROXY', TRUST_PORXY: 'TRUST_PROXY', TRUSTPROXY: 'TRUST_PROXY', PROXY_TRUST: 'TRUST_PROXY',
  PROXY_STAUS: 'PROXY_STATUS', PROXYSTATUS: 'PROXY_STATUS', PROXY_STATS: 'PROXY_STATUS', WEBSOCKETS: 'WEBSOCKET', WEB_SOCKET: 'WEBSOCKET', WEB_SOCKETS: 'WEBSOCKET', WEBSOKCET: 'WEBSOCKET',
  LOGLEVEL: 'LOG_LEVEL', LOG_LEVLE: 'LOG_LEVEL', LOG_LEVELS: 'LOG_LEVEL', LGO_LEVEL: 'LOG_LEVEL', log_level: 'LOG_LEVEL', logLevel: 'LOG_LEVEL', LOG_LEVL: 'LOG_LEVEL',
  SAMPLE: 'SAMPLES', SAMPELS: 'SAMPLES', SAMPLES_LOAD: 'SAMPLE_LOAD', SAMPLE_LAOD: 'SAMPLE_LOAD', NODE_EVN: 'NODE_ENV', NODEENV: 'NODE_ENV', node_env: 'NODE_ENV', NODE_ENVS: 'NODE_ENV',
  METRIC_PATH: 'METRICS_PATH', METRICS_PAHT: 'METRICS_PATH', ADMIN_TOKENFILE: 'ADMIN_TOKEN_FILE', ADMIN_TOKEN_FLIE: 'ADMIN_TOKEN_FILE', ADMIN_ALLOWED_HOST: 'ADMIN_ALLOWED_HOSTS',
  IGNORE_VARIABLES: 'IGNORED_VARIABLES', IGNORED_VARIABLE: 'IGNORED_VARIABLES', IGNORE_WARNING: 'IGNORED_WARNINGS',
  HOLDFAST_PORT: 'PORT', HOLDFAST_UPSTREAMS: 'UPSTREAMS', HOLDFAST_UPSTREAM: 'UPSTREAMS', HOLDFAST_LOGLEVEL: 'LOG_LEVEL', holdfast_port: 'PORT', HOLDFAST_ADMIN_PORT: 'ADMIN_PORT',
  HOLDFAST_VIA: 'VIA', HOLDFAST_NODE_ENV: 'NODE_ENV'
}

function messageOf (variables: NodeJS.ProcessEnv, path = 'there-is-no.env'): string | undefined {
  try {
    readEnvironment(variables, path)
    return undefined
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error
    return error.message
  }
}

t.test('a variable that is near one of ours stops the start and names it, without its value', async t => {
  for (const [name, meant] of Object.entries(TYPOS)) {
    t.equal(messageOf({ [name]: 'hush' }), `${name}: is no variable of the gateway; did you mean ${meant}? If it is for another program, set IGNORED_VARIABLES=${name}`)
  }
})

t.test('no variable of a real environment stops the start', async t => {
  const names = Object.values(REAL_VARIABLES).flatMap(list => list.split(' '))
  t.same(names.filter((name, i) => names.indexOf(name) !== i), [], 'each is there once')
  t.ok(names.length > 500, `${names.length} names`)
  for (const name of names) t.equal(typoInProcess({ [name]: '1' }, KNOWN, new Set())?.meant, undefined, name)
})

t.test('what Kubernetes sets for a Service is no typo, whatever its name', async t => {
  for (const name of ['HOLDFAST', 'HOLDFAST_ADMIN', 'ADMINS', 'ADMN', 'PORT_ADMIN']) {
    t.equal(messageOf({
      [`${name}_PORT`]: 'tcp://10.0.0.7:80', [`${name}_SERVICE_HOST`]: '10.0.0.7', [`${name}_SERVICE_PORT`]: '80', [`${name}_SERVICE_PORT_HTTP`]: '80',
      [`${name}_PORT_80_TCP`]: 'tcp://10.0.0.7:80', [`${name}_PORT_80_TCP_ADDR`]: '10.0.0.7', [`${name}_PORT_80_TCP_PORT`]: '80', [`${name}_PORT_80_TCP_PROTO`]: 'tcp'
    }), undefined, name)
  }
  t.equal(messageOf({ ADMIN_PORT: 'tcp://10.0.0.7:80' }),
    'ADMIN_PORT: "tcp://10.0.0.7:80" was set by Kubernetes for a Service of that name; set enableServiceLinks: false in the spec of the pod')
  t.equal(messageOf({ HOST: 'tcp://10.0.0.7:80' }), 'HOST: "tcp://10.0.0.7:80" is not an address or a host name to listen on')
})

t.test('a name that is set to nothing is no typo, and one in IGNORED_VARIABLES is not judged', async t => {
  t.equal(messageOf({ UPSTREAM: '' }), undefined)
  t.equal(messageOf({ UPSTREAM: 'x', LOGLEVEL: 'y', IGNORED_VARIABLES: 'LOGLEVEL, UPSTREAM' }), undefined)
  t.match(messageOf({ UPSTREAM: 'x', LOGLEVEL: 'y', IGNORED_VARIABLES: 'LOGLEVEL' }), /^UPSTREAM: /)
  t.equal(messageOf({ IGNORED_VARIABLES: 'PORT' }), 'IGNORED_VARIABLES: "PORT" is a variable of the gateway, and is read; leave it out')
})

t.test('in .env less is enough: there every name is meant for the gateway', async t => {
  const dir = t.testdir()
  const path = join(dir, '.env')
  const inFile = (text: string, variables: NodeJS.ProcessEnv = {}): string | undefined => {
    writeFileSync(path, text)
    return messageOf(variables, path)
  }
  for (const [name, meant] of Object.entries({ ...TYPOS, PORTS: 'PORT', HOSTS: 'HOST', PRT: 'PORT', VIAS: 'VIA', LOG_LVL: 'LOG_LEVEL', BODY_TIME_OUT: 'BODY_TIMEOUT_MS', LOG_LABEL: 'LOG_LEVEL' })) {
    t.equal(inFile(`${name}=hush\n`), `${name} (in ${path}): is no variable of the gateway; did you mean ${meant}? If it is for another program, set IGNORED_VARIABLES=${name}`)
  }
  t.equal(inFile('TZ=UTC\nNODE_OPTIONS=--inspect\nCOMPOSE_PROJECT_NAME=a\nUSERS_PORT=3000\nREDIS_HOST=a\nDATABASE_URL=a\nHOSTNAME=a\nHTTP_PROXY=a\nNODE_PATH=a\nAPI_TOKEN=a\n'), undefined,
    'names of route files and of other programs')
  t.equal(inFile('PORTS=1\nIGNORED_VARIABLES=PORTS\n'), undefined)
  t.equal(inFile('PORTS=1\n', { IGNORED_VARIABLES: 'PORTS' }), undefined)
})

t.test('in .env, a name that spells an option without a variable says where the option is set', async t => {
  const path = join(t.testdir(), '.env')
  const message = (name: string): string | undefined => {
    writeFileSync(path, `${name}=hush\n`)
    return messageOf({}, path)
  }
  const told = (name: string, what: string): string => `${name} (in ${path}): is no variable of the gateway; ${what} If it is for another program, set IGNORED_VARIABLES=${name}`
  const ROUTE = 'a file in routes/ sets.'
  const OWN_APP = 'only an app of your own can set.'
  const cases: [string, string, string][] = [
    ['MAX_DIALS', 'pool.maxDials', ROUTE], ['maxDials', 'pool.maxDials', ROUTE], ['POOL_MAX_DIALS', 'pool.maxDials', ROUTE], ['HOLDFAST_MAX_DIALS', 'pool.maxDials', ROUTE],
    ['KEEP_ALIVE_MAX_TIMEOUT', 'undiciOptions.keepAliveMaxTimeout', ROUTE], ['KEEP_ALIVE_MAX_TIMEOUT_MS', 'undiciOptions.keepAliveMaxTimeout', ROUTE],
    ['MAX_REQUESTS_PER_CONNECTION', 'pool.maxRequestsPerConnection', ROUTE], ['CONNECT_REJECT_UNAUTHORIZED', 'undiciOptions.connect.rejectUnauthorized', ROUTE],
    ['UNDICI_OPTIONS_CONNECT_CA', 'undiciOptions.connect.ca', ROUTE], ['REWRITE_PREFIX', 'rewritePrefix', ROUTE],
    ['CLIENT_HEADERS_TIMEOUT_MS', 'clientHeadersTimeout', OWN_APP], ['MAX_HOPS', 'maxHops', OWN_APP], ['ADMIN_REQUIRED', 'admin.required', OWN_APP]
  ]
  for (const [name, option, where] of cases) t.equal(message(name), told(name, `it is the option ${option} of docs/options.md, which ${where}`))
  for (const [name, meant] of [['POOL_MAX_PENDING', 'MAX_PENDING'], ['UNDICI_OPTIONS_HEADERS_TIMEOUT', 'HEADERS_TIMEOUT_MS']] as const) t.equal(message(name), told(name, `did you mean ${meant}?`))
  for (const name of ['TARGET', 'CA', 'KEY', 'PREFIX', 'CONFIG', 'SESSION_TIMEOUT', 'RETRY_DELAY']) t.equal(message(name), undefined, `${name} is a route file's own`)
  for (const { path: option, variable, httpProxy } of TABLE) {
    const name = nameOf(option).replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()
    if (httpProxy !== 'ignored' && name.includes('_') && !KNOWN.includes(name)) t.match(message(name), variable ?? `it is the option ${option} `)
  }
  t.equal(messageOf({ MAX_DIALS: '1' }, 'there-is-no.env'), undefined, 'the environment of the process has names of other programs')
})
