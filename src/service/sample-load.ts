import { randomUUID } from 'node:crypto'
import { Agent, get } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ignoreError } from '../errors.js'
import { hasOwnLevel } from '../quirks/fastify-log.js'

/** When requests are sent to a path: the gaps between them in ms, and how many are sent at once. Both lists are repeated. */
interface Pace { readonly path: string, readonly gaps: readonly number[], readonly atOnce: readonly number[] }

// Together about three requests a second, which cost less than a hundredth of a core. The gaps to the idle closer differ: its idle limit
// shows only where some are longer than the limit.
const PACES: readonly Pace[] = [
  { path: '/samples/persistent', gaps: [1_500], atOnce: [1, 1, 2] },
  { path: '/samples/idle-closer', gaps: [1_200, 1_600, 2_900], atOnce: [1, 2] },
  { path: '/samples/close', gaps: [3_000], atOnce: [1] },
  { path: '/samples/http10', gaps: [4_000], atOnce: [1] },
  { path: '/samples/slow', gaps: [2_500], atOnce: [1, 1, 3] }
]
const MARK = 'x-sample-load'

/**
 * Sends a low load through the gateway to the samples, so that the dashboard has something to show: from the time the app listens until it
 * closes. Its requests are logged at `debug`. The gateway knows them by a secret header, which it does not forward.
 *
 * @param origin of the gateway, once it listens
 */
export function sampleLoad (app: FastifyInstance, origin: () => string): void {
  const agent = new Agent({ keepAlive: true })
  const timers = new Map<Pace, NodeJS.Timeout>()
  const secret = randomUUID()
  const headers = { connection: `keep-alive, ${MARK}`, [MARK]: secret }

  app.addHook('onRequest', (request, _reply, done) => {
    if (isOurs(request, secret)) request.log.level = 'warn'
    done()
  })
  app.addHook('onListen', async () => {
    // The app may have been closed while hooks before this one ran.
    if (app.server.listening) for (const pace of PACES) follow(pace, 0)
  })
  app.addHook('preClose', async () => {
    for (const timer of timers.values()) clearTimeout(timer)
    agent.destroy()
  })

  function follow (pace: Pace, nth: number): void {
    const { path, gaps, atOnce } = pace
    timers.set(pace, setTimeout(() => {
      for (let i = 0; i < inTurn(atOnce, nth); i++) ask(path)
      follow(pace, nth + 1)
    }, inTurn(gaps, nth)).unref())
  }

  function ask (path: string): void {
    get(origin() + path, { agent, headers }, response => response.resume().on('error', ignoreError)).on('error', ignoreError)
  }
}

function isOurs ({ headers, log }: FastifyRequest, secret: string): boolean {
  return headers[MARK] === secret && hasOwnLevel(log)
}

function inTurn<T> (list: readonly T[], nth: number): T {
  return list[nth % list.length]!
}
