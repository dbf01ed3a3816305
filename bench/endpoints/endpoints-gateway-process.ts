import { once } from 'node:events'
import { Writable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import Fastify from 'fastify'
import type * as Holdfast from '../../src/index.js'
import { answerQuestions } from '../instruments/child-questions.js'
import { churnedLists } from './churned-lists.js'
import type { EndpointsSetup, Failure, Questions, Route, TimedChange } from './endpoints-gateway.js'
import { HeldLoop } from './held-loop.js'
import { epochMs } from './time.js'

// The child process: one gateway, which answers the measurement's questions over IPC. Its setup is the first message.

const MOST_FAILURES = 20_000
// In ms.
const SLOW = 500

type List = readonly Holdfast.GivenEndpoint[]

const [setup] = await once(process, 'message') as [EndpointsSetup & { readonly entry: string }]
const { gateway, getGateway, proxy, provenanceOf } = await import(pathToFileURL(setup.entry).href) as typeof Holdfast
const changes: TimedChange[] = []
const drained: string[] = []
const failures: Failure[] = []
const beliefs: string[] = []
const log: string[] = []
const loop = new HeldLoop()

let churned: ReturnType<typeof churnedLists> | undefined
let pushed: { list: List, version: number, wake: () => void } | undefined

const stream = new Writable({
  write (chunk: Buffer, _encoding, callback) {
    log.push(...chunk.toString().split('\n').filter(line => line !== ''))
    callback()
  }
})
// Requests of many clients come from the measurement, as behind a load balancer.
const app = Fastify({ trustProxy: true, logger: { level: 'warn', stream } })
app.addHook('onResponse', async (request, reply) => {
  if ((reply.statusCode < 500 && reply.elapsedTime < SLOW) || failures.length === MOST_FAILURES) return
  failures.push({ id: String(request.headers['x-id']), status: reply.statusCode, provenance: provenanceOf(reply) })
})
await app.register(gateway, { ...setup.gateway })
for (const { upstream, ...route } of setup.routes) {
  await app.register(proxy, { ...route, upstream: upstreamOf(upstream) } as unknown as Holdfast.ProxyOptions)
}
getGateway(app).observe({
  endpointChanged: (target, change) => { changes.push({ ...change, target, at: epochMs() }) },
  endpointDrained: (_target, _endpoint, address) => { drained.push(address) },
  persistenceChanged: (_target, from, to, cause, endpoint) => { beliefs.push(`${endpoint} ${from} -> ${to}: ${cause}`) }
})

answerQuestions<{ name: keyof Questions, of: never }>(async ({ name, of }) => await answerTo(name, of))
process.send?.({ url: await app.listen({ host: '127.0.0.1', port: 0 }) })

function upstreamOf (upstream: Route['upstream']): unknown {
  if (typeof upstream === 'string' || !('pushed' in upstream)) return upstream
  return pushedLists(upstream.pushed)
}

/** A discovery function that yields the first list, and those that are pushed. */
function pushedLists (first: List): () => AsyncGenerator<List> {
  return async function * () {
    const latest = pushed = { list: first, version: 0, wake: () => {} }
    for (;;) {
      const { version } = latest
      yield latest.list
      if (latest.version === version) await new Promise<void>(resolve => { latest.wake = resolve })
    }
  }
}

async function answerTo (name: keyof Questions, of: never): Promise<unknown> {
  switch (name) {
    case 'snapshot': return targetOf(of).snapshot()
    case 'endpoints': return targetOf(of).endpoints.list()
    case 'call': {
      const { method, args } = of as Questions['call']['of'];
      (targetOf(of).endpoints[method] as (...args: readonly unknown[]) => void)(...args)
      return undefined
    }
    case 'push': return push((of as Questions['push']['of']).list)
    case 'changes': return changes
    case 'drained': return drained
    case 'failures': return failures
    case 'beliefs': return beliefs
    case 'log': return log
    case 'lag': return loop.longest()
    case 'heap': return await collected()
    case 'churn': return await churn(of)
  }
}

function targetOf ({ target }: { target?: string }): Holdfast.Target {
  const { targets } = getGateway(app)
  const found = target === undefined ? [...targets][0] : targets.get(target)
  if (found === undefined) throw new Error(`no target ${target}`)
  return found
}

function push (list: List): undefined {
  if (pushed === undefined) throw new Error('no discovery function has been called')
  pushed.list = list
  pushed.version++
  pushed.wake()
}

/** Changes one address at a time, many times a second. */
async function churn ({ changesPerSecond, seconds, port, size, by }: Questions['churn']['of']): Promise<number> {
  churned ??= churnedLists(size, port)
  const began = performance.now()
  let made = 0
  while (performance.now() - began < seconds * 1_000) {
    while (made < (performance.now() - began) / 1_000 * changesPerSecond) {
      const { value } = churned.next()
      if (by === 'function') push(value)
      else targetOf({}).endpoints.set(value)
      made++
    }
    await wait(1)
  }
  return made
}

/** Size of the heap without garbage. A pass frees what the pass before it finalised. */
async function collected (): Promise<number> {
  for (const recorded of [changes, drained, failures, beliefs, log]) recorded.length = 0
  const { gc } = globalThis as { gc?: () => void }
  for (let pass = 0; pass < 4; pass++) {
    gc?.()
    await wait(10)
  }
  return process.memoryUsage().heapUsed
}
