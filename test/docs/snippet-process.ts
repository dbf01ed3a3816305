// Runs modules one after another, and tells by IPC how each went: node snippet-process.js <modules as JSON>
import { subscribe } from 'node:diagnostics_channel'
import type { AddressInfo } from 'node:net'
import { pathToFileURL } from 'node:url'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'

/** A module, and the paths that the app that it makes is asked for once it runs. */
export interface Task { readonly where: string, readonly file: string, readonly paths: readonly string[] }
/** Told twice: as it begins, and with its outcome. */
export interface Told { readonly where: string, readonly outcome?: { readonly answers: number, readonly error?: string } }

const CALLER = { authorization: 'Bearer let-me-in' }
// Of one request, in ms.
const DEADLINE = 30_000

let apps: FastifyInstance[] = []
const closed = new WeakSet<FastifyInstance>()
subscribe('fastify.initialization', message => {
  const app = (message as { fastify: FastifyInstance }).fastify
  apps.push(app)
  app.addHook('onClose', async () => { closed.add(app) })
})

async function run ({ file, paths }: Task): Promise<number> {
  apps = []
  let answers = 0
  try {
    const { default: plugin } = await import(pathToFileURL(file).href) as { default?: FastifyPluginAsync }
    // A route file makes no app: the microservice registers it in its own.
    if (typeof plugin === 'function') await Fastify().register(plugin)
    // The admin surface is an app too, and closes with the app that has it.
    for (const app of apps.slice(0, 1)) {
      if (closed.has(app)) continue
      await app.ready()
      if (!app.server.listening) await app.listen({ port: 0, host: '127.0.0.1' })
      const { port } = app.server.address() as AddressInfo
      for (const path of paths) {
        const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: CALLER, signal: AbortSignal.timeout(DEADLINE) })
        const body = await response.text()
        if (response.status !== 200) throw new Error(`GET ${path}: ${response.status} ${body}`)
        answers++
      }
    }
  } finally {
    for (const app of apps) if (!closed.has(app)) await app.close()
  }
  return answers
}

const tell = (told: Told): void => { process.send!(told) }
for (const task of JSON.parse(process.argv[2]!) as Task[]) {
  const { where } = task
  tell({ where })
  try {
    tell({ where, outcome: { answers: await run(task) } })
  } catch (error) {
    tell({ where, outcome: { answers: 0, error: error instanceof Error ? `${error.message}\n${error.stack}` : String(error) } })
  }
}
process.disconnect()
