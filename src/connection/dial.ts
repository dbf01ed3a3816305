import type { Socket } from 'node:net'
import { buildConnector } from 'undici'
import { HoldfastError } from '../errors.js'
import { CONNECT_TIMEOUT } from '../options.js'
import type { ConnectOptions, ResolvedUndiciOptions } from '../options.js'
import { sharedLookup } from './lookup.js'

/** A dial in progress. */
export interface Dial {
  /** Gives it up; its callback is not called any more. */
  abandon (): void
}

/** Makes one connected socket, handshake included. The callback is called once, and never before `dial` has returned. */
export type Dialer = (callback: (error: HoldfastError | undefined, socket: Socket | undefined) => void) => Dial

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

/** Dials an origin. Names are resolved at each dial, by `connect.lookup` where it is given. Throws HOLDFAST_ERR_OPTION where undici refuses `connect`. */
export function createDialer (origin: URL, options: ResolvedUndiciOptions): Dialer {
  const connect = typeof options.connect === 'function' ? options.connect : connectorOf(options.connect, options.socketPath)
  const to: buildConnector.Options = {
    host: origin.host,
    hostname: origin.hostname.startsWith('[') ? origin.hostname.slice(1, -1) : origin.hostname,
    protocol: origin.protocol,
    port: origin.port,
    ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress })
  }
  const secure = origin.protocol === 'https:'
  // undici's own timer is up to a second late, and a function of the user's may never call back.
  const timeout = typeof options.connect === 'function' ? CONNECT_TIMEOUT : options.connect.timeout ?? CONNECT_TIMEOUT

  return callback => {
    let settled = false
    let abandoned = false
    const settle = (error: HoldfastError | undefined, socket: Socket | undefined): void => {
      if (settled) {
        socket?.on('error', ignore).destroy()
        return
      }
      settled = true
      clearTimeout(timer)
      // A connect function of the user's may call back at once; the pool counts on having its Dial by then.
      queueMicrotask(() => {
        if (abandoned) socket?.on('error', ignore).destroy()
        else callback(error, socket)
      })
    }
    let connecting: unknown
    const timer = setTimeout(() => {
      settle(new HoldfastError('HOLDFAST_ERR_CONNECT_TIMEOUT'), undefined)
      if (isSocket(connecting)) connecting.on('error', ignore).destroy()
    }, timeout)
    try {
      connecting = (connect as (o: buildConnector.Options, cb: (error: Error | null, socket: Socket | null) => void) => unknown)(to, (error, socket) => {
        if (error === null || error === undefined) settle(undefined, socket!)
        else settle(dialError(error, secure), undefined)
      })
    } catch (error) {
      settle(dialError(error as Error, secure), undefined)
    }
    return {
      abandon () {
        abandoned = true
        clearTimeout(timer)
        if (settled) return
        settled = true
        if (isSocket(connecting)) connecting.on('error', ignore).destroy()
      }
    }
  }
}

function connectorOf (connect: ConnectOptions, socketPath: string | undefined): buildConnector.connector {
  try {
    return buildConnector({ lookup: sharedLookup, ...connect, timeout: 0, allowH2: false, ...(socketPath === undefined ? {} : { socketPath }) } as buildConnector.BuildOptions)
  } catch (cause) {
    throw new HoldfastError('HOLDFAST_ERR_OPTION', { message: `undiciOptions.connect: ${(cause as Error).message}`, cause })
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

function ignore (): void {}
