import { connect as connectPlain, isIP } from 'node:net'
import type { LookupFunction, NetConnectOpts, OnReadOpts, Socket, TcpNetConnectOpts } from 'node:net'
import { connect as connectSecure, createSecureContext } from 'node:tls'
import type { ConnectionOptions, SecureContext, TLSSocket } from 'node:tls'
import { HoldfastError, optionError } from '../errors.js'
import type { ConnectOptions } from '../options/option-types.js'
import { TlsSessions } from '../wire/tls-sessions.js'
import { bareHost } from '../http/bare-host.js'
import { defaultPort, urlPort } from '../http/url-port.js'
import { sharedLookup } from './lookup.js'

// undici's defaults.
const KEEP_ALIVE_DELAY = 60_000
const HIGH_WATER_MARK = 65_536
// Node's TLS reads and writes at most this much at once.
const HIGH_WATER_MARK_OF_TLS = 16_384

/** The options in `connect` that are not passed to net and tls: those have another meaning for them, or are set here. */
const OWN: readonly string[] = ['timeout', 'allowH2', 'useH2c', 'maxCachedSessions', 'socketPath', 'session', 'keepAlive', 'keepAliveInitialDelay', 'onread']

/** Where the connections of an endpoint go, where that is not its target's origin. */
export interface DialAddress {
  /** An IP address, or a name that each dial resolves. */
  readonly host: string
  /** Other addresses of the same endpoint. A dial tries them as it tries the addresses of a name. */
  readonly otherHosts?: readonly string[] | undefined
  /** undefined: the default port of the scheme. */
  readonly port: number | undefined
}

interface Place {
  /** A unix socket in place of the origin's host and port. */
  readonly socketPath?: string | undefined
  /** The local address to connect from. */
  readonly localAddress?: string | undefined
  /** In place of the origin's host and port. */
  readonly address?: DialAddress | undefined
}

/** Opens an endpoint's sockets. The options for `net.connect` or `tls.connect` are made once for all its sockets. */
export class SocketOpener {
  /** The event after which a socket can be used. For TLS it follows the handshake. */
  readonly connected: 'connect' | 'secureConnect'
  readonly #options: NetConnectOpts & ConnectionOptions
  readonly #secure: boolean
  readonly #sessions: TlsSessions | undefined
  readonly #keepAlive: boolean
  readonly #keepAliveDelay: number

  /**
   * @param origin whose name a certificate has to have
   * @param clock in ms
   * @throws HOLDFAST_ERR_OPTION where the options in `connect` cannot make a socket
   */
  constructor (origin: URL, connect: ConnectOptions, at: Place, clock: () => number) {
    const { maxCachedSessions, socketPath, session, keepAlive, keepAliveInitialDelay } = connect as ConnectOptions & { socketPath?: string }
    const given = Object.fromEntries(Object.entries(connect).filter(([name]) => !OWN.includes(name))) as ConnectOptions
    checkMaxCachedSessions(maxCachedSessions)
    this.#secure = origin.protocol === 'https:'
    this.connected = this.#secure ? 'secureConnect' : 'connect'
    this.#keepAlive = keepAlive ?? true
    this.#keepAliveDelay = keepAliveInitialDelay ?? KEEP_ALIVE_DELAY
    const host = bareHost(origin)
    const path = at.socketPath ?? socketPath
    this.#options = {
      highWaterMark: this.#secure ? HIGH_WATER_MARK_OF_TLS : HIGH_WATER_MARK,
      lookup: sharedLookup,
      ...path === undefined ? {} : { path },
      ...given,
      allowHalfOpen: true,
      localAddress: at.localAddress,
      ...hostOf(at.address, host),
      port: at.address === undefined ? urlPort(origin) : at.address.port ?? defaultPort(origin.protocol)
    } as NetConnectOpts & ConnectionOptions
    if (!this.#secure) return
    this.#sessions = session === undefined && maxCachedSessions !== 0 ? new TlsSessions(clock) : undefined
    Object.assign(this.#options, {
      secureContext: given.secureContext ?? contextOf(connect),
      // SNI takes a name, not an IP address.
      servername: given.servername || (isIP(host) === 0 ? host : undefined),
      ALPNProtocols: ['http/1.1'],
      session
    })
  }

  /** Makes a socket that is connecting. Throws what `net.connect` and `tls.connect` throw. */
  open (onread: OnReadOpts): Socket {
    if (!this.#secure) return connectPlain({ ...this.#options, onread })
    const session = this.#sessions?.last
    const options: NetConnectOpts & ConnectionOptions = { ...this.#options, onread }
    const socket = connectSecure(session === undefined ? options : { ...options, session })
    this.#sessions?.keepOf(socket)
    return socket
  }

  /**
   * Call this for a socket that has connected. Its TCP options are set here, since earlier is too early: `tls.connect` ignores them, and
   * libuv ignores the delay.
   */
  opened (socket: Socket): void {
    this.#sessions?.shaken((socket as TLSSocket).isSessionReused())
    socket.setNoDelay(true)
    if (this.#keepAlive) socket.setKeepAlive(true, this.#keepAliveDelay)
  }

  /** Call this for a socket that failed to connect. */
  failed (): void {
    this.#sessions?.forget()
  }
}

/** The host of an endpoint, as `net.connect` takes it. Node races several addresses only if a look-up finds them. */
function hostOf (address: DialAddress | undefined, originHost: string): Pick<TcpNetConnectOpts, 'host' | 'lookup'> {
  if (address === undefined) return { host: originHost }
  const { host, otherHosts = [] } = address
  if (otherHosts.length === 0) return { host }
  const addresses = [host, ...otherHosts].map(address => ({ address, family: isIP(address) }))
  const lookup: LookupFunction = (_name, { all }, callback) => {
    if (all === true) callback(null, addresses)
    else callback(null, host, addresses[0]!.family)
  }
  return { host: originHost, lookup }
}

function checkMaxCachedSessions (value: unknown): void {
  if (value === undefined || (Number.isInteger(value) && (value as number) >= 0)) return
  throw optionError('undiciOptions.connect.maxCachedSessions', value, 'must be a whole number from 0')
}

// By the options that they are made of. Each context holds its own copy of the certificate authorities and the key, so all endpoints of a
// target share one.
const contexts = new WeakMap<ConnectOptions, SecureContext>()

function contextOf (connect: ConnectOptions): SecureContext {
  const known = contexts.get(connect)
  if (known !== undefined) return known
  try {
    const context = createSecureContext(connect)
    contexts.set(connect, context)
    return context
  } catch (cause) {
    throw new HoldfastError('HOLDFAST_ERR_OPTION', { message: `undiciOptions.connect: ${(cause as Error).message}`, cause })
  }
}
