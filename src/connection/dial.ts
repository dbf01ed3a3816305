import type { Socket } from 'node:net'
import type { buildConnector } from 'undici'
import { HoldfastError, ignoreError } from '../errors.js'
import { CONNECT_TIMEOUT } from '../options/target-options.js'
import type { ConnectFunction } from '../options/connect-types.js'
import type { ResolvedUndiciOptions } from '../options/target-options.js'
import { BackendSocket } from '../wire/backend-socket.js'
import { SocketOpener, hostnameOf } from './socket-opener.js'

/** A dial in progress. */
export interface Dial {
  /** Gives it up; its callback is not called any more. */
  abandon (): void
}

/** Makes one connected socket, handshake included. The callback is called once, and never before `dial` has returned. */
export type Dialer = (callback: (error: HoldfastError | undefined, socket: BackendSocket | undefined) => void) => Dial

/**
 * Refusals before which nothing can have been sent, and after which another try may find the process listening again. A listener that
 * closes resets those that it has not accepted yet.
 */
const REFUSED = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT'])

/** Whether a dial failed in a way that is worth another try. */
export function wasRefused (error: HoldfastError): boolean {
  return REFUSED.has((error.cause as NodeJS.ErrnoException | undefined)?.code ?? '')
}

/** The reason of a failed dial as a short, stable word for a metric: an errno, a TLS code, or ours. */
export function dialFailureCode (error: HoldfastError): string {
  return (error.cause as NodeJS.ErrnoException | undefined)?.code ?? error.code
}

/**
 * Dials an origin. Names are resolved at each dial, by `connect.lookup` where it is given. Throws HOLDFAST_ERR_OPTION where no socket could be
 * made with `connect`.
 */
export function createDialer (origin: URL, options: ResolvedUndiciOptions): Dialer {
  const { connect } = options
  const begin = typeof connect === 'function' ? byFunction(connect, origin, options.localAddress) : byOpener(new SocketOpener(origin, connect, options))
  const secure = origin.protocol === 'https:'
  // A function of the user's may never call back.
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
      // A connect function of the user's may call back at once; the pool counts on having its Dial by then.
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

/** Begins to connect; returns what gives it up. It calls back once at most. */
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
      opener.tune(socket!)
      done(undefined, own)
    }).once('error', failed)
    return () => own.destroy()
  }
}

function byFunction (connect: ConnectFunction, origin: URL, localAddress: string | undefined): Begin {
  const to: buildConnector.Options = {
    host: origin.host,
    hostname: hostnameOf(origin),
    protocol: origin.protocol,
    port: origin.port,
    ...(localAddress === undefined ? {} : { localAddress })
  }
  return done => {
    let given: unknown
    const connecting: unknown = (connect as (o: buildConnector.Options, cb: (error: Error | null, socket: Socket | null) => void) => unknown)(to, (error, socket) => {
      // A second time, it is in use.
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
