import { keepsAlive } from '../options/target-options.js'
import type { SettingsRule } from './rule.js'

// With fewer requests on a connection, more than one request in twenty pays for a handshake.
const FEW_REQUESTS = 20
// In ms. With a lower age, connections to a backend with little traffic end before they are reused.
const BRIEF_AGE = 10_000
// In ms. No such time of a gateway is that short, but as seconds, these figures are usual.
const SHORTEST_TIME = 100
// The default of pool.maxDials.
const PACED_DIALS = 8

const LEAVE_OUT = 'Leave it out; a backend that cannot keep connections open is recognised without it.'

/** Rules about a target's settings alone. */
export const SETTINGS_RULES = [
  {
    id: 'keep-alive-off',
    severity: 'error',
    looksAt: 'undiciOptions.keepAliveTimeout, undiciOptions.pipelining',
    when: 'either is 0',
    why: 'Keep-alive is off: every request pays for a handshake, and so does the backend.',
    remedy: LEAVE_OUT,
    atRegister: true,
    ofSettings: options => keepsAlive(options)
      ? undefined
      : options.undiciOptions?.pipelining === 0 ? 'undiciOptions.pipelining: 0' : 'undiciOptions.keepAliveTimeout: 0'
  },
  {
    id: 'single-use-connections',
    severity: 'error',
    looksAt: 'pool.maxRequestsPerConnection',
    when: 'it is 1',
    why: 'That is keep-alive off by another name: every request pays for a handshake, and so does the backend.',
    remedy: LEAVE_OUT,
    atRegister: true,
    ofSettings: options => options.pool?.maxRequestsPerConnection === 1 && keepsAlive(options) ? 'pool.maxRequestsPerConnection: 1' : undefined
  },
  {
    id: 'tls-unverified',
    severity: 'error',
    looksAt: 'undiciOptions.connect.rejectUnauthorized',
    when: 'it is false, and the backend is reached by https',
    why: 'Any certificate is accepted: an attacker on the path can read and change requests.',
    remedy: 'Give the issuer\'s certificate as undiciOptions.connect.ca instead.',
    atRegister: true,
    applies: ({ origin }) => origin?.protocol !== 'http:',
    ofSettings: ({ undiciOptions }) => typeof undiciOptions?.connect === 'object' && undiciOptions.connect.rejectUnauthorized === false
      ? 'undiciOptions.connect.rejectUnauthorized: false'
      : undefined
  },
  {
    id: 'few-requests-a-connection',
    severity: 'warning',
    looksAt: 'pool.maxRequestsPerConnection',
    when: `it is from 2 to ${FEW_REQUESTS - 1}`,
    why: 'At least one request in twenty waits for a handshake.',
    remedy: 'Leave pool.maxRequestsPerConnection out, or give 1000; a change of DNS is followed by pool.maxConnectionAge.',
    ofSettings: options => {
      const most = options.pool?.maxRequestsPerConnection ?? 0
      return most > 1 && most < FEW_REQUESTS && keepsAlive(options) ? `pool.maxRequestsPerConnection: ${most}` : undefined
    }
  },
  {
    id: 'brief-connection-age',
    severity: 'warning',
    looksAt: 'pool.maxConnectionAge',
    when: `it is above 0 and below ${BRIEF_AGE} ms`,
    why: 'Connections are closed while they are in use, and handshakes take their place.',
    remedy: 'Give pool.maxConnectionAge some minutes, or leave it out (600000).',
    ofSettings: options => {
      const age = options.pool?.maxConnectionAge ?? 0
      return age > 0 && age < BRIEF_AGE && keepsAlive(options) ? `pool.maxConnectionAge: ${age}` : undefined
    }
  },
  {
    id: 'seconds-for-milliseconds',
    severity: 'warning',
    looksAt: 'undiciOptions.keepAliveTimeout, keepAliveMaxTimeout, headersTimeout, bodyTimeout',
    when: `one is above 0 and below ${SHORTEST_TIME}`,
    why: 'Times are in milliseconds: this one ends before most backends can do anything, and was most likely meant in seconds.',
    remedy: 'Give it in milliseconds: 60 s is 60000.',
    ofSettings: ({ undiciOptions = {} }) => {
      const names = (['keepAliveTimeout', 'keepAliveMaxTimeout', 'headersTimeout', 'bodyTimeout'] as const)
        // Its default is keepAliveTimeout, which is named already.
        .filter(name => name !== 'keepAliveMaxTimeout' || undiciOptions[name] !== undiciOptions.keepAliveTimeout)
        .filter(name => undiciOptions[name] !== undefined && undiciOptions[name] > 0 && undiciOptions[name] < SHORTEST_TIME)
      return names.length === 0 ? undefined : names.map(name => `undiciOptions.${name}: ${undiciOptions[name]}`).join(', ')
    }
  },
  {
    id: 'connections-unbounded',
    severity: 'warning',
    looksAt: 'undiciOptions.connections',
    when: 'it is Infinity',
    why: 'A backend that slows down is given ever more connections, which slows it down further, until one of the two runs out of file descriptors.',
    remedy: 'Give undiciOptions.connections what the backend can bear, divided by the processes of this app; what is beyond it waits.',
    ofSettings: ({ undiciOptions }) => undiciOptions?.connections === Infinity ? 'undiciOptions.connections: Infinity' : undefined
  },
  {
    id: 'pending-unbounded',
    severity: 'warning',
    looksAt: 'pool.maxPending',
    when: 'it is Infinity',
    why: 'While a backend is slow, every request that comes in is held in memory until it has waited for too long.',
    remedy: 'Give pool.maxPending as many as can be served within pool.pendingTimeout, or leave it out (1024).',
    ofSettings: ({ pool }) => pool?.maxPending === Infinity ? 'pool.maxPending: Infinity' : undefined
  },
  {
    id: 'upgraded-unbounded',
    severity: 'warning',
    looksAt: 'pool.maxUpgraded',
    when: 'it is Infinity, and a route is upgradable',
    why: 'Upgraded connections do not count among `connections`: clients alone decide how many of them the backend gets.',
    remedy: 'Give pool.maxUpgraded what the backend can bear, or leave it out (1024).',
    applies: ({ routes }) => routes.some(({ upgradable }) => upgradable),
    ofSettings: ({ pool }) => pool?.maxUpgraded === Infinity ? 'pool.maxUpgraded: Infinity' : undefined
  },
  {
    id: 'dials-unpaced',
    severity: 'warning',
    looksAt: 'pool.maxDials, undiciOptions.connections',
    when: `maxDials is above ${PACED_DIALS} and not below connections`,
    why: 'It limits nothing: a backend that comes back after a restart is met by all handshakes at once.',
    remedy: `Give pool.maxDials a small part of connections, or leave it out (${PACED_DIALS}).`,
    ofSettings: ({ undiciOptions, pool }) => {
      const dials = pool?.maxDials ?? 0
      const connections = undiciOptions?.connections ?? Infinity
      return dials > PACED_DIALS && dials >= connections ? `pool.maxDials: ${dials}, undiciOptions.connections: ${connections}` : undefined
    }
  },
  {
    id: 'hint-cut-short',
    severity: 'warning',
    looksAt: 'undiciOptions.keepAliveMaxTimeout, undiciOptions.keepAliveTimeout',
    when: 'keepAliveMaxTimeout is below keepAliveTimeout',
    why: 'A backend that says how long it keeps connections is trusted less than one that says nothing.',
    remedy: 'Leave undiciOptions.keepAliveMaxTimeout out (it is keepAliveTimeout then), or lower keepAliveTimeout to it.',
    ofSettings: options => {
      const { keepAliveTimeout = 0, keepAliveMaxTimeout = Infinity } = options.undiciOptions ?? {}
      return keepAliveMaxTimeout < keepAliveTimeout && keepsAlive(options)
        ? `undiciOptions.keepAliveMaxTimeout: ${keepAliveMaxTimeout}, keepAliveTimeout: ${keepAliveTimeout}`
        : undefined
    }
  },
  {
    id: 'hint-without-margin',
    severity: 'warning',
    looksAt: 'undiciOptions.keepAliveTimeoutThreshold',
    when: 'it is 0',
    why: 'A backend that says `timeout=5` closes at 5 s of its own clock, which started first: requests sent in the last moment arrive after the close.',
    remedy: 'Leave undiciOptions.keepAliveTimeoutThreshold out (1000), or give more than a round trip takes.',
    ofSettings: options => options.undiciOptions?.keepAliveTimeoutThreshold === 0 && keepsAlive(options)
      ? 'undiciOptions.keepAliveTimeoutThreshold: 0'
      : undefined
  },
  {
    id: 'stale-retry-off',
    severity: 'warning',
    looksAt: 'retry.stale',
    when: 'it is false, with keep-alive',
    why: 'No idle limit prevents every late request: now and then a request is sent on a connection that the backend has just closed, and its client gets a 502.',
    remedy: 'Leave retry.stale out: only a request that was not carried out, or is safe to repeat, is sent again.',
    ofSettings: options => options.retry?.stale === false && keepsAlive(options) ? 'retry.stale: false' : undefined
  },
  {
    id: 'inspector-off',
    severity: 'warning',
    looksAt: 'inspector',
    when: 'it is false, with keep-alive',
    why: 'A backend that stops keeping connections open is not recognised: requests are sent on connections that it has closed.',
    remedy: 'Leave inspector out.',
    ofSettings: options => options.inspector === false && keepsAlive(options) ? 'inspector: false' : undefined
  },
  {
    id: 'connect-function',
    severity: 'warning',
    looksAt: 'undiciOptions.connect',
    when: 'it is a function',
    why: 'The gateway cannot tell whether the function verifies certificates, and gives each dial 3 s.',
    remedy: 'Give undiciOptions.connect: { ca, cert, key, timeout, ... } where options will do.',
    ofSettings: ({ undiciOptions }) => typeof undiciOptions?.connect === 'function' ? 'undiciOptions.connect is a function' : undefined
  }
] as const satisfies readonly SettingsRule[]
