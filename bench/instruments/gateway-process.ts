import { setTimeout as wait } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { getHeapStatistics } from 'node:v8'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import httpProxy from '@fastify/http-proxy'
import type * as Holdfast from '../../src/index.js'
import { answerQuestions } from './child-questions.js'
import type { Answers, GatewaySetup, PersistenceChange, Question } from './gateway.js'

// The child process: one gateway, which answers the measurement's questions over IPC. Its setup is its one argument.

const setup = JSON.parse(process.argv[2] ?? '{}') as GatewaySetup & { entry: string }
const changes: PersistenceChange[] = []
let snapshots: () => Holdfast.TargetSnapshot[] = () => []

const app = setup.stock === undefined ? await holdfast() : await stock(setup.stock)
const url = await app.listen({ host: '127.0.0.1', port: 0 })

answerQuestions<{ name: Question }>(async ({ name }) => await answerTo(name))
process.send?.({ url })

async function holdfast (): Promise<FastifyInstance> {
  const { gateway, getGateway, proxy } = await import(pathToFileURL(setup.entry).href) as typeof Holdfast
  const made = appOf(setup)
  await made.register(gateway, setup.gateway ?? {})
  await made.register(proxy, { ...setup.proxy, upstream: setup.upstream })
  for (const route of setup.routes ?? []) await made.register(proxy, { ...setup.proxy, ...route })
  const { targets } = getGateway(made)
  if (setup.apart !== undefined) for (const target of targets) target.keepApart(new Set(setup.apart))
  getGateway(made).observe({
    persistenceChanged: (_target, from, to, cause) => { changes.push({ from, to, cause, at: Date.now() }) }
  })
  snapshots = () => [...targets].map((target) => target.snapshot())
  return made
}

function appOf ({ https, http2, hooksTake }: GatewaySetup): FastifyInstance {
  const options = { logger: false, ...https === undefined ? {} : { https }, ...http2 === true ? { http2 } : {} }
  const app = Fastify(options as object) as unknown as FastifyInstance
  if (hooksTake === undefined) return app
  const pause = async (): Promise<void> => { if (Math.random() < 0.5) await wait(Math.random() * hooksTake) }
  app.addHook('preHandler', pause)
  app.addHook('onSend', async (_request, _reply, payload) => {
    await pause()
    return payload
  })
  return app
}

async function stock (undici: object): Promise<FastifyInstance> {
  const made = Fastify({ logger: false })
  await made.register(httpProxy, { upstream: setup.upstream, undici })
  for (const route of setup.routes ?? []) await made.register(httpProxy, { ...route, undici })
  return made
}

async function answerTo (name: Question): Promise<Answers[Question]> {
  switch (name) {
    case 'snapshot': return snapshots()[0]
    case 'snapshots': return snapshots()
    case 'changes': return changes
    case 'usage': return { cpu: process.cpuUsage(), heapUsed: collected(), heapResident: getHeapStatistics().total_physical_size, resources: process.getActiveResourcesInfo() }
    case 'close': await app.close()
  }
}

/** Size of the heap. It includes garbage unless the process was started with --expose-gc. */
function collected (): number {
  const { gc } = globalThis as { gc?: () => void }
  // A pass frees what the pass before it finalised.
  for (let pass = 0; pass < 4; pass++) gc?.()
  return process.memoryUsage().heapUsed
}
