import { Agent } from 'node:http'
import { request } from '../../testing/client.js'
import { seededRandom } from '../../testing/random.js'
import { machineTime } from '../../testing/delay-relay-line.js'

/** Requests to one target with exponential gaps, half of them POSTs. The seed determines them. */
export interface PoissonTraffic {
  url: string
  /** The id of a request is this and its number. */
  name: string
  /** In ms. */
  meanGap: number
  seed: number
  /** Whether the first request is sent at once, without a gap. Default false. */
  atOnce?: boolean
}

/** One request and its outcome; times by `machineTime`. */
export interface Sent {
  id: string
  method: 'GET' | 'POST'
  sent: number
  answered: number
  /** `right`, or what the client got instead: `502 HOLDFAST_ERR_CONNECTION_LOST`, `ECONNRESET`. */
  outcome: string
}

/** Closes its idle connections before any gateway does, since losses on the client's side are not measured here. */
export function patientClients (): Agent {
  return new Agent({ keepAlive: true, timeout: 2000 })
}

/** Sends until the signal, and resolves when all requests are answered. It does not wait for an answer before it sends the next request. */
export async function poissonTraffic ({ url, name, meanGap, seed, atOnce = false }: PoissonTraffic, agent: Agent, signal: AbortSignal): Promise<Sent[]> {
  const random = seededRandom(seed)
  const gap = (): number => -Math.log(1 - random()) * meanGap
  const under: Array<Promise<Sent>> = []
  let due = machineTime() + (atOnce ? 0 : gap())
  let timer: NodeJS.Timeout | undefined
  await new Promise<void>((resolve) => {
    const next = (): void => {
      timer = setTimeout(() => {
        under.push(send(url, `${name}-${under.length}`, random() < 0.5 ? 'POST' : 'GET', agent))
        due += gap()
        next()
      }, Math.max(0, due - machineTime()))
    }
    next()
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    }, { once: true })
  })
  return await Promise.all(under)
}

async function send (url: string, id: string, method: Sent['method'], agent: Agent): Promise<Sent> {
  const sent = machineTime()
  const outcome = await request(url, {
    method,
    agent,
    headers: { 'X-Id': id, ...(method === 'POST' ? { 'Content-Type': 'application/octet-stream' } : {}) },
    body: method === 'POST' ? 'a small body' : undefined
  }).then(
    ({ status, body }) => status === 200
      ? body.includes(`"id":"${id}"`) ? 'right' : '200 of another request'
      : `${status} ${/"code":"(\w+)"/.exec(body.toString())?.[1] ?? ''}`.trimEnd(),
    (error: NodeJS.ErrnoException) => error.code ?? error.message
  )
  return { id, method, sent, answered: machineTime(), outcome }
}
