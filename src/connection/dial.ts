import type { Socket } from 'node:net'
import type { buildConnector } from 'undici'
import { addressId } from '../discovery/source.js'
import { HoldfastError, ignoreError } from '../errors.js'
import { bareHost } from '../http/bare-host.js'
import { CONNECT_TIMEOUT } from '../options/target-options.js'
import type { ConnectFunction } from '../options/connect-types.js'
import type { ResolvedUndiciOptions } from '../options/target-options.js'
import { BackendSocket } from '../wire/backend-socket.js'
import { SocketOpener } from './socket-opener.js'
import type { DialAddress } from './socket-opener.js'

/** A dial in progress. */
export interface Dial {
  /** Gives the dial up. Its callback is not called. */
  abandon (): void
}

/** Makes one connected socket, TLS handshake included. The callback is called once, after the `Dialer` has returned. */
export type Dialer = (callback: (error: HoldfastError | undefined, socket: BackendSocket | undefined) => void) => Dial

/**
 * Errors of a dial that was refused: nothing was sent, and a process that restarts may accept the next dial. A reset is among them, since a
 * listener that closes resets the connections that it has not accepted yet.
 */
const REFUSED = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT'])

/** Whether a failed dial is worth another try. */
export function wasRefused (error: HoldfastError): boolean {
  return REFUSED.has((error.cause as NodeJS.ErrnoException | undefined)?.code ?? '')
}

/** The reason of a failed dial as a short, stable metric label: an errno, a TLS code, or a HOLDFAST_ERR_* code. */
export function dialFailureCode (error: HoldfastError): string {
  return (error.cause as NodeJS.ErrnoException | undefined)?.code ?? error.code
}

/**
 * Makes the dialer of an origin. Names are resolved at each dial, by `connect.lookup` where it is given. Throws HOLDFAST_ERR_OPTION where
 * the options in `connect` cannot make a socket.
 *
 * @param clock in ms: a TLS session is not resumed for ever
 * @param address of the endpoint; undefined: the origin's own
 */
export function createDialer (origin: URL, options: ResolvedUndiciOptions, clock: () => number, address?: DialAddress): Dialer {
  const { connect, localAddress, socketPath } = options
  const begin = typeof connect === 'function'
    ? byFunction(connect, origin, localAddress, address)
    : byOpener(new SocketOpener(origin, connect, { socketPath, localAddress, address }, clock))
  const secure = origin.protocol === 'https:'
  // The timeout also covers a user's `connect` function that never calls back.
  const timeout = typeof connect === 'function' ? CONNECT_TIMEOUT : connect.timeout ?? CONNECT_TIMEOUT

  return callback => {
    let settled = false
    let abandoned = false
    const settle = (error: HoldfastError | undefined, socket: BackendSocket | undefined): void => {
      if (settled) {
        socket?.destroy()
        return
      }
      settled = true
      clearTimeout(timer)
      // A user's `connect` function may call back at once, but the pool needs its `Dial` before the callback.
      queueMicrotask(() => {
        if (abandoned) socket?.destroy()
        else callback(error, socket)
      })
    }
    let stop = (): void => {}
    const timer = setTimeout(() => {
      settle(new HoldfastError('HOLDFAST_ERR_CONNECT_TIMEOUT'), undefined)
      stop()
    }, timeout)
    try {
      stop = begin((error, socket) => settle(error === undefined ? undefined : dialError(error, secure), socket))
    } catch (error) {
      settle(dialError(error as Error, secure), undefined)
    }
    return {
      abandon () {
        abandoned = true
        clearTimeout(timer)
        if (settled) return
        settled = true
        stop()
      }
    }
  }
}

/** Begins to connect, and returns a function that gives up. `done` is called at most once. */
type Begin = (done: (error: Error | undefined, socket: BackendSocket | undefined) => void) => () => void

function byOpener (opener: SocketOpener): Begin {
  return done => {
    let socket: Socket | undefined
    const own = new BackendSocket(onread => (socket = opener.open(onread)))
    const failed = (error: Error): void => {
      opener.failed()
      done(error, undefined)
    }
    socket!.once(opener.connected, () => {
      socket!.off('error', failed)
      opener.opened(socket!)
      done(undefined, own)
    }).once('error', failed)
    return () => own.destroy()
  }
}

function byFunction (connect: ConnectFunction, origin: URL, localAddress: string | undefined, address: DialAddress | undefined): Begin {
  const { protocol } = origin
  const port = String(address?.port ?? '')
  const to: buildConnector.Options = {
    ...address === undefined
      ? { host: origin.host, hostname: bareHost(origin), port: origin.port }
      : { host: addressId(address.host, address.port), hostname: address.host, port, servername: bareHost(origin) },
    protocol,
    ...localAddress === undefined ? {} : { localAddress }
  }
  return done => {
    let given: unknown
    const connecting: unknown = (connect as (o: buildConnector.Options, cb: (error: Error | null, socket: Socket | null) => void) => unknown)(to, (error, socket) => {
      // A second callback with the same socket is ignored: the socket is in use by now.
      if (given !== undefined && socket === given) return
      given = socket ?? undefined
      if (error !== null && error !== undefined) done(error, undefined)
      else if (isSocket(socket)) done(undefined, BackendSocket.adopt(socket))
      else done(new TypeError('undiciOptions.connect called back without a socket'), undefined)
    })
    return () => {
      if (isSocket(connecting)) connecting.on('error', ignoreError).destroy()
    }
  }
}

function dialError (cause: Error, secure: boolean): HoldfastError {
  const code = (cause as NodeJS.ErrnoException).code ?? ''
  if (code === 'ETIMEDOUT') return new HoldfastError('HOLDFAST_ERR_CONNECT_TIMEOUT', { cause })
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || (cause as NodeJS.ErrnoException).syscall === 'getaddrinfo') return new HoldfastError('HOLDFAST_ERR_UNRESOLVABLE', { cause })
  if (secure && !/^(ECONN|EHOST|ENET|ENOENT|EACCES|EADDR)/.test(code)) return new HoldfastError('HOLDFAST_ERR_TLS', { cause })
  return new HoldfastError('HOLDFAST_ERR_CONNECT', { cause })
}

function isSocket (value: unknown): value is Socket {
  return typeof (value as Socket | undefined)?.destroy === 'function'
}
