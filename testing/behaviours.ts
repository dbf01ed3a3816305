import { answer, wantsClose, wantsKeepAlive } from './answer.js'
import type { BackendRequest, RequestScript } from './backend.js'
import { closeWhenIdle, type CloseMode, notIdle } from './idle-close.js'
import { seededRandom } from './random.js'

/** The variations of a server that keeps connections. */
interface KeepAliveRules {
  /** Header fields of a response after which the connection stays open. */
  says?: (request: BackendRequest) => Record<string, string>
  /** How long an idle connection is kept; without it, for ever. Read for each response. */
  idleMs?: () => number
  how?: CloseMode
  /** The most requests on a connection; the last answer says close. */
  requests?: number
  /** The status for a path that is not answered with 200. */
  status?: (path: string) => number | undefined
}

/** A server that keeps connections until it says close: at its limit, or if the request asks for it. */
function keepAlive (rules: KeepAliveRules): RequestScript {
  const { says = () => ({}), idleMs, how, requests = Infinity, status = () => undefined } = rules
  return (request, connection) => {
    notIdle(connection)
    const error = status(request.path)
    if (error !== undefined || request.nth >= requests || wantsClose(request)) {
      answer(request, connection, { status: error, headers: { Connection: 'close' } })
      connection.end()
      return
    }
    answer(request, connection, { headers: says(request) })
    if (idleMs !== undefined) closeWhenIdle(connection, idleMs(), how)
  }
}

export interface NginxOptions {
  keepAliveMs?: number
  requests?: number
  /** The timeout in its `Keep-Alive` header, in s, which may be false. Without it there is no such header. */
  hint?: number
}

/** Says keep-alive. Answers the paths /413 and /500 with that status, and then closes. */
export function nginx ({ keepAliveMs = 75_000, requests = 1000, hint }: NginxOptions = {}): RequestScript {
  return keepAlive({
    says: () => ({ Connection: 'keep-alive', ...(hint !== undefined && { 'Keep-Alive': `timeout=${hint}` }) }),
    idleMs: () => keepAliveMs,
    requests,
    status: (path) => ({ '/413': 413, '/500': 500 })[path]
  })
}

/**
 * Like Apache: `max` counts the requests that may follow, so a connection serves one more than the first response says. Only requests with
 * `Connection: keep-alive` get the hint.
 */
export function apache ({ keepAliveMs = 5000, max = 100 }: { keepAliveMs?: number, max?: number } = {}): RequestScript {
  const timeout = Math.ceil(keepAliveMs / 1000)
  return keepAlive({
    says: (request): Record<string, string> => wantsKeepAlive(request)
      ? { 'Keep-Alive': `timeout=${timeout}, max=${max + 1 - request.nth}`, Connection: 'Keep-Alive' }
      : {},
    idleMs: () => keepAliveMs,
    requests: max + 1
  })
}

/** Keeps a connection for a second longer than it says. */
export function node (options: { keepAliveMs?: number, saysSeconds?: number } = {}): RequestScript {
  const { keepAliveMs = 6000, saysSeconds = 5 } = options
  return keepAlive({
    says: () => ({ Connection: 'keep-alive', 'Keep-Alive': `timeout=${saysSeconds}` }),
    idleMs: () => keepAliveMs
  })
}

/** Says keep-alive, gives no hint, and looks for idle connections only sometimes, so they end anywhere between two times. */
export function gunicornThread (options: { minMs?: number, maxMs?: number, seed?: number } = {}): RequestScript {
  const { minMs = 2000, maxMs = 3000, seed = 1 } = options
  const random = seededRandom(seed)
  return keepAlive({
    says: () => ({ Connection: 'keep-alive' }),
    idleMs: () => minMs + random() * (maxMs - minMs)
  })
}

/** Keeps the connection without saying so, for `keepAliveMs` if given. */
export function haproxy ({ keepAliveMs }: { keepAliveMs?: number } = {}): RequestScript {
  return keepAlive(keepAliveMs === undefined ? {} : { idleMs: () => keepAliveMs })
}

/** Says keep-alive, and never closes by itself. */
export function persistent (): RequestScript {
  return keepAlive({ says: () => ({ Connection: 'keep-alive' }) })
}

/** Says keep-alive, and closes a connection that is idle for `idleMs`. */
export function idleCloser ({ idleMs, how }: { idleMs: number, how: CloseMode }): RequestScript {
  return keepAlive({ says: () => ({ Connection: 'keep-alive' }), idleMs: () => idleMs, how })
}

/** Serves one request a connection, and says so. */
export function phpServer (): RequestScript {
  return (request, connection) => {
    answer(request, connection, { headers: { Connection: 'close' } })
    connection.end()
  }
}

/** Serves one request a connection, in HTTP/1.0. With `contentLength: false` the FIN ends the body. */
export function pythonHttp10 ({ contentLength = true }: { contentLength?: boolean } = {}): RequestScript {
  return (request, connection) => {
    answer(request, connection, { httpVersion: '1.0', delimit: contentLength ? 'length' : 'close' })
    connection.end()
  }
}

/**
 * Serves one request a connection, in HTTP/1.1, without saying so. The FIN comes `afterMs` after the response; bytes that arrive before it
 * are never read.
 */
export function silentCloser ({ afterMs = 0 }: { afterMs?: number } = {}): RequestScript {
  return (request, connection) => {
    answer(request, connection)
    if (afterMs === 0) return connection.end()
    connection.takeOver()
    const timer = setTimeout(() => connection.end(), afterMs).unref()
    connection.socket.once('close', () => clearTimeout(timer))
  }
}

export type FlippingMode = 'persistent' | 'close' | 'silent'

export interface Flipping {
  script: RequestScript
  set (mode: FlippingMode): void
}

/** A server that `set` switches: from the next response it keeps connections, or closes them, with or without saying so. */
export function flipping (first: FlippingMode = 'persistent'): Flipping {
  const scripts: Record<FlippingMode, RequestScript> = {
    persistent: persistent(),
    close: phpServer(),
    silent: silentCloser()
  }
  let mode = first
  return {
    script: (request, connection) => scripts[mode](request, connection),
    set: (next) => { mode = next }
  }
}

export interface Killer {
  script: RequestScript
  /** How often each `x-id` was executed. More than once means that a request was sent twice. */
  readonly executed: ReadonlyMap<string, number>
  readonly killed: number
}

/**
 * A server that, with the given probability, takes a request on a reused connection and kills the connection in place of executing it, by
 * RST and FIN in turn. A gateway sees the same when a request meets the backend's idle close.
 */
export function killer ({ probability, seed }: { probability: number, seed: number }): Killer {
  const random = seededRandom(seed)
  const executed = new Map<string, number>()
  const answers = persistent()
  let killed = 0
  return {
    executed,
    get killed () { return killed },
    script: (request, connection) => {
      if (request.nth > 1 && random() < probability) {
        killed++
        if (killed % 2 === 1) connection.reset()
        else connection.end()
        return
      }
      const id = request.header('x-id')
      if (id !== undefined) executed.set(id, (executed.get(id) ?? 0) + 1)
      return answers(request, connection)
    }
  }
}
