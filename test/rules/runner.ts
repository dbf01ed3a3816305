import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Test } from 'tap'
import { answer } from '../../testing/answer.js'
import { startBackend } from '../../testing/backend.js'
import type { Backend } from '../../testing/backend.js'
import { certificates } from '../../testing/certificates.js'
import type { Certificate } from '../../testing/certificates.js'
import { request } from '../../testing/client.js'
import { partiesOf } from './case.js'
import type { Action, Case, CaseOptions } from './case.js'
import { GatewayChild } from './gateway-child.js'
import { scriptedBackend } from './scripted-backend.js'
import type { ScriptedBackend } from './scripted-backend.js'
import { playClient } from './scripted-client.js'
import { expectedOf, judgeBackend, judgeClient } from './verdict.js'

/** The longest time until a case's sockets are closed, in ms: a second, and another second for a busy machine. */
const REST_TIME = 2_000
const CANARY_TIME = 3_000
const LIMIT = 10_000
/** How many cases run at once: they mostly wait. */
const LANES = 6

export interface Outcome { case: Case, wrong: string[], crashed: boolean }

/** Runs cases against a gateway in a process of its own, and starts the process again after a crash. */
export class Runner {
  /** Crashed processes. */
  crashes = 0
  readonly #stock: boolean
  readonly #canary: Backend
  readonly #warmed = new WeakMap<GatewayChild, Promise<void>>()
  #child: GatewayChild

  private constructor (canary: Backend, stock: boolean) {
    this.#canary = canary
    this.#stock = stock
    this.#child = new GatewayChild()
  }

  /** `stock`: @fastify/http-proxy in place of the gateway. */
  static async start ({ stock = false } = {}): Promise<Runner> {
    return new Runner(await startBackend((request, connection) => answer(request, connection)), stock)
  }

  async close (): Promise<void> {
    await this.#child.kill()
    await this.#canary.close()
  }

  /** Runs several cases at once. Cases under way in a crash run again one by one, to find the one that caused it. */
  async runAll (cases: readonly Case[]): Promise<Outcome[]> {
    const outcomes = new Map<Case, Outcome>()
    const doubtful: Case[] = []
    const queue = [...cases]
    await Promise.all(Array.from({ length: LANES }, async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const outcome = await this.run(next)
        if (outcome.crashed) doubtful.push(next)
        outcomes.set(next, outcome)
      }
    }))
    this.crashes = 0
    for (const one of doubtful) {
      const outcome = await this.run(one)
      if (outcome.crashed) this.crashes++
      outcomes.set(one, outcome)
    }
    return cases.map(one => outcomes.get(one)!)
  }

  /** Runs a case, and checks the invariants after it. */
  async run (one: Case): Promise<Outcome> {
    if (this.#child.crashed !== undefined) this.#child = new GatewayChild()
    const child = this.#child
    // Does not count as the case's time.
    await this.#warm(child)
    const late = new AbortController()
    const limit = one.limit ?? LIMIT
    const expiry = wait(limit, [`not done after ${limit} ms`], { signal: late.signal }).catch(() => [])
    const wrong = await Promise.race([this.#play(one, child).catch((error: Error) => [error.message]), expiry])
    late.abort()
    // A crash is reported a moment after its sockets have closed.
    if (wrong.length > 0 && child.crashed === undefined) await wait(100)
    const crashed = child.crashed !== undefined
    return { case: one, crashed, wrong: crashed ? [`the process died: ${child.crashed}`, ...wrong] : wrong }
  }

  /** Once a process, since its first requests compile code. */
  async #warm (child: GatewayChild): Promise<void> {
    this.#warmed.set(child, this.#warmed.get(child) ?? (async () => {
      await child.ready
      const app = await child.open({ upstream: this.#canary.url, canary: this.#canary.url, stock: this.#stock })
      for (let i = 0; i < 20; i++) await askCanary(app).catch(() => {})
      await child.close(app)
    })())
    await this.#warmed.get(child)
  }

  async #play (one: Case, child: GatewayChild): Promise<string[]> {
    const { tls, options } = withTls(one.options)
    const backend = await scriptedBackend(one.backend, { tls, allowHalfOpen: one.halfOpen })
    try {
      const app = await child.open({ ...options, upstream: backend.url, canary: this.#canary.url, stock: this.#stock })
      const act = async (action: Action): Promise<void> => {
        if (action === 'drain') await child.drain(app)
        else if (action === 'settle') await backend.asked()
        else if (action === 'canary') await askCanary(app)
        else throw new Error(`a client cannot ${action}`)
      }
      const wrong = (await Promise.all(partiesOf(one).map(async party =>
        judgeClient(party, await playClient(app, party, expectedOf(party).length, act), backend.port)))).flat()
      if (one.ends !== true) await askCanary(app).catch((error: Error) => wrong.push(error.message))
      wrong.push(...await unrest(child, app, backend))
      wrong.push(...judgeBackend(one.backend, one.backendSees, backend, one.repeats === true))
      // Its connections end with the process too.
      child.close(app).catch(() => {})
      return wrong
    } finally {
      await backend.close()
    }
  }
}

/** Runs a file's cases, with an assertion each. A case with a todo may fail. */
export async function prove (t: Test, cases: readonly Case[]): Promise<void> {
  const runner = await Runner.start()
  t.teardown(() => runner.close())
  for (const { case: one, wrong } of await runner.runAll(cases)) {
    if (one.todo !== undefined && wrong.length === 0) t.comment(`passes, though it is marked todo: ${one.name}`)
    t.same(wrong, [], one.name, one.todo === undefined ? {} : { todo: one.todo })
  }
}

/** Throws unless a request to the canary gets its own answer. */
async function askCanary (port: number): Promise<void> {
  const id = randomUUID()
  const asked = request(`http://127.0.0.1:${port}/canary/`, { headers: { 'x-id': id } }).then(
    ({ status, body }) => status === 200 && body.includes(id) ? undefined : `the canary got ${status} ${body.toString().slice(0, 100)}`,
    (error: Error) => `the canary failed: ${error.message}`)
  const wrong = await Promise.race([asked, wait(CANARY_TIME, 'the canary got no answer')])
  if (wrong !== undefined) throw new Error(wrong)
}

/** Waits for the sockets to close. Returns what is still open. */
async function unrest (child: GatewayChild, app: number, { backend }: ScriptedBackend): Promise<string[]> {
  const deadline = performance.now() + REST_TIME
  for (;;) {
    const { clients, connections } = await child.state(app)
    const { active = 0, idle = 0, connecting = 0, pending = 0, upgraded = 0 } = connections ?? {}
    const open = connections === undefined || backend === undefined ? idle : backend.open
    if (clients + active + connecting + pending + upgraded === 0 && open === idle) return []
    if (performance.now() > deadline) return [`sockets are left: ${JSON.stringify({ clients, ...connections, openAtBackend: open })}`]
    await wait(10)
  }
}

function withTls (options: CaseOptions = {}): { options: CaseOptions, tls: Certificate | undefined } {
  if (options.tls === undefined) return { options, tls: undefined }
  const { authority, server } = certificates()
  if (options.tls === 'unknown') return { options, tls: server }
  const undiciOptions = { ...options.route?.undiciOptions, connect: { ...options.route?.undiciOptions?.connect, ca: authority.cert } }
  return { options: { ...options, route: { ...options.route, undiciOptions } }, tls: server }
}
