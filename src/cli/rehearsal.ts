import { subscribe } from 'node:diagnostics_channel'
import type { ListenOptions, Server } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { listenBy } from '../quirks/node-net.js'

// Fastify publishes each instance that it makes, whichever copy of it an app has.
const CHANNEL = 'fastify.initialization'
// An app that has asked to listen may go on to make another one.
const QUIET = 50
const NEVER = new Promise<never>(() => {})

/**
 * Lets code do all that it does up to serving: apps are made, plugins registered, `ready` awaited; no port is opened, no onListen
 * hook runs, nothing is logged, and what is printed goes to stderr. It lasts as long as the process, which is to be a short one.
 */
export class Rehearsal {
  /** Every Fastify app that has been made, in order. */
  readonly apps: FastifyInstance[] = []
  /** Rejects once an app cannot get ready, an exception is caught by nobody, or the process is about to be ended. */
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
   * Resolves when every app has asked to listen and no more come, when there is nothing left for the process to do, or after
   * `ms`.
   */
  settled (ms: number): Promise<void> {
    return new Promise(resolve => {
      // Not to keep the process: that it would end is how it shows that there is nothing left to do.
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
        // In a turn of its own: told that the process would end, node ends it if all that follows is done at once.
        setImmediate(resolve)
      }
    })
  }

  /** What was to be read has been read: how the process ends is no matter of the app's any more. */
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

  /** In place of `app.listen`: gets the app ready, and no further. */
  #listenWith (app: FastifyInstance, args: unknown[]): Promise<string> | undefined {
    const ready = Promise.resolve(app.ready()).then(() => {
      this.#listening.add(app)
      this.#changed()
      return pretendToListen(app.server, args[0])
    }, error => {
      this.#fail(error)
      // Whoever asked would log it, which is switched off, and end the process.
      return NEVER
    })
    const callback = args.at(-1)
    if (typeof callback !== 'function') return ready
    ready.then(address => callback(null, address)).catch(this.#fail)
    return undefined
  }

  readonly #exiting = (code: number): void => {
    // Nothing that takes a turn of the event loop happens from here on.
    process.stderr.write(code === 0 ? 'holdfast: the app came to its end before it was ready\n' : `holdfast: the app ended the process with code ${code} before it was ready\n`)
    process.exitCode = 2
  }
}

/** Makes a server say that it listens. Returns the URL that it would be reached at. */
function pretendToListen (server: Server, given: unknown): string {
  const options: ListenOptions = typeof given === 'object' && given !== null ? given : { port: Number(given) || 0 }
  const host = options.host === undefined || options.host === 'localhost' ? '127.0.0.1' : options.host
  const family = host.includes(':') ? 'IPv6' : 'IPv4'
  const port = Number(options.port ?? 0)
  server.address = () => options.path ?? { address: host, family, port }
  return `http://${family === 'IPv6' ? `[${host}]` : host}:${port}`
}
