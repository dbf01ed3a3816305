import { subscribe } from 'node:diagnostics_channel'
import type { ListenOptions, Server } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { listenBy } from '../quirks/node-net.js'

// Each copy of Fastify publishes each instance that it makes.
const CHANNEL = 'fastify.initialization'
// In ms. Code may make another app right after one has asked to listen.
const QUIET = 50
const NEVER = new Promise<never>(() => {})

/**
 * Lets code make its apps, register plugins and await `ready`, but not serve: no port is opened, no onListen hook runs, nothing is logged,
 * and what the code prints goes to stderr. It changes the process for good, so it is for a process that ends soon.
 */
export class Rehearsal {
  /** Every Fastify app that has been made, in order. */
  readonly apps: FastifyInstance[] = []
  /** Rejects when an app cannot get ready, or an exception is uncaught. */
  readonly failed: Promise<never>
  readonly #listening = new Set<FastifyInstance>()
  #fail: (error: unknown) => void = () => {}
  #changed = (): void => {}

  constructor () {
    this.failed = new Promise((_resolve, reject) => { this.#fail = reject })
    this.failed.catch(() => {})
    process.stdout.write = process.stderr.write.bind(process.stderr)
    listenBy(pretendToListen)
    subscribe(CHANNEL, this.#created)
    process.on('uncaughtException', this.#fail)
    process.on('exit', this.#exiting)
  }

  /**
   * Resolves when every app has asked to listen and no more apps are made, when the process has nothing left to do, or after `ms`.
   */
  settled (ms: number): Promise<void> {
    return new Promise(resolve => {
      // Unref'd: 'beforeExit' shows that the process has nothing left to do, and a timer must not prevent it.
      const timers = [setTimeout(done, ms).unref()]
      process.once('beforeExit', done)
      this.#changed = () => {
        clearTimeout(timers[1])
        if (this.apps.length > 0 && this.apps.every(app => this.#listening.has(app))) timers[1] = setTimeout(done, QUIET).unref()
      }
      this.#changed()

      function done (): void {
        process.off('beforeExit', done)
        for (const timer of timers) clearTimeout(timer)
        // In a later turn: Node ends the process after 'beforeExit' unless a turn of the event loop is still to come.
        setImmediate(resolve)
      }
    })
  }

  /** Call when the apps have been read: from then on, the end of the process is no failure of the app. */
  over (): void {
    process.off('exit', this.#exiting)
  }

  readonly #created = (message: unknown): void => {
    const { fastify } = message as { fastify: FastifyInstance }
    this.apps.push(fastify)
    fastify.log.level = 'silent'
    fastify.listen = ((...args: unknown[]) => this.#listenWith(fastify, args)) as FastifyInstance['listen']
    this.#changed()
  }

  /** In place of `app.listen`: gets the app ready, and opens no port. */
  #listenWith (app: FastifyInstance, args: unknown[]): Promise<string> | undefined {
    const ready = Promise.resolve(app.ready()).then(() => {
      this.#listening.add(app)
      this.#changed()
      return pretendToListen(app.server, args[0])
    }, error => {
      this.#fail(error)
      // The caller never gets the error: it would end the process, and its log line is switched off.
      return NEVER
    })
    const callback = args.at(-1)
    if (typeof callback !== 'function') return ready
    ready.then(address => callback(null, address)).catch(this.#fail)
    return undefined
  }

  readonly #exiting = (code: number): void => {
    // On 'exit' only synchronous work is done.
    process.stderr.write(code === 0 ? 'holdfast: the app came to its end before it was ready\n' : `holdfast: the app ended the process with code ${code} before it was ready\n`)
    process.exitCode = 2
  }
}

/** Gives a server the address that it was asked to listen on. Returns its URL. */
function pretendToListen (server: Server, given: unknown): string {
  const options: ListenOptions = typeof given === 'object' && given !== null ? given : { port: Number(given) || 0 }
  const host = options.host === undefined || options.host === 'localhost' ? '127.0.0.1' : options.host
  const family = host.includes(':') ? 'IPv6' : 'IPv4'
  const port = Number(options.port ?? 0)
  server.address = () => options.path ?? { address: host, family, port }
  return `http://${family === 'IPv6' ? `[${host}]` : host}:${port}`
}
