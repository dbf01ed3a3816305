import { type RawClient, rawClient, request } from '../../testing/client.js'

/** One request, and the status of the right answer to it. */
export interface Ask {
  /** @default 'GET' */
  method?: string
  /** @default '/' */
  path?: string
  body?: string
  /** @default 200 */
  status?: number
}

export interface Load {
  port: number
  requests: number
  /** How many clients there are, each with one request at a time. */
  clients: number
  /** Returns the nth request of the load. Default: plain GETs. */
  ask?: (n: number) => Ask
  /** Ends the load early. */
  signal?: AbortSignal
}

/** Counts of right and wrong answers to a load. */
export class Outcomes {
  right = 0
  /** Counts by what went wrong: `GET 502 HOLDFAST_ERR_CONNECT`, `POST ECONNRESET`, `GET 200 of another request`. */
  readonly wrong = new Map<string, number>()

  get errors (): number {
    return [...this.wrong.values()].reduce((sum, count) => sum + count, 0)
  }

  /** An answer is right if it has the expected status and names its request. */
  count (ask: Ask, id: string, status: number, body: string): void {
    const { method = 'GET' } = ask
    if (status !== (ask.status ?? 200)) this.fail(`${method} ${status} ${/"code":"(\w+)"/.exec(body)?.[1] ?? ''}`.trimEnd())
    else if (!body.includes(`"id":"${id}"`)) this.fail(`${method} ${status} of another request`)
    else this.right++
  }

  fail (what: string, times = 1): void {
    this.wrong.set(what, (this.wrong.get(what) ?? 0) + times)
  }

  add (other: Outcomes): void {
    this.right += other.right
    for (const [what, times] of other.wrong) this.fail(what, times)
  }
}

// Unique over all loads of the process, so that an answer to another load is recognised.
let lastId = 0

/** Clients that open a connection for each request, and close it after the answer. */
export async function newConnectionClients (load: Load): Promise<Outcomes> {
  return await run(load, () => async (ask, id, outcomes) => {
    const { method = 'GET', path = '/', body } = ask
    const answer = await request(`http://127.0.0.1:${load.port}${path}`, { method, body, headers: { 'x-id': id } })
    outcomes.count(ask, id, answer.status, answer.body.toString())
  })
}

/** Clients that keep their connection, and send the next request as soon as they have the last byte of an answer. */
export async function keepAliveClients (load: Load): Promise<Outcomes> {
  const open = new Set<RawClient>()
  const outcomes = await run(load, () => {
    let client: RawClient | undefined
    return async (ask, id, outcomes) => {
      try {
        if (client === undefined) {
          client = await rawClient(load.port)
          open.add(client)
        }
        client.write(bytes(ask, id))
        const answer = await client.response({ head: ask.method === 'HEAD' })
        outcomes.count(ask, id, answer.status, answer.body.toString())
        if (answer.header('connection') !== 'close') return
      } catch (error) {
        outcomes.fail(`${ask.method ?? 'GET'} ${nameOf(error)}`)
      }
      client?.destroy()
      client = undefined
    }
  })
  for (const client of open) client.destroy()
  return outcomes
}

type Client = (ask: Ask, id: string, outcomes: Outcomes) => Promise<void>

async function run ({ requests, clients, ask = () => ({}), signal }: Load, connect: () => Client): Promise<Outcomes> {
  const outcomes = new Outcomes()
  let sent = 0
  await Promise.all(Array.from({ length: clients }, async () => {
    const client = connect()
    while (sent < requests && signal?.aborted !== true) {
      const asked = ask(sent++)
      await client(asked, String(++lastId), outcomes).catch((error: unknown) => outcomes.fail(`${asked.method ?? 'GET'} ${nameOf(error)}`))
    }
  }))
  return outcomes
}

function bytes ({ method = 'GET', path = '/', body }: Ask, id: string): string {
  const length = body === undefined ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`
  return `${method} ${path} HTTP/1.1\r\nHost: bench\r\nX-Id: ${id}\r\n${length}\r\n${body ?? ''}`
}

function nameOf (error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error as Error).name
}
