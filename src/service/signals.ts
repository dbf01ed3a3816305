import { constants } from 'node:os'
import type { FastifyInstance } from 'fastify'
import { getGateway } from '../gateway/state.js'
import { logWritten } from './log-output.js'

// A Ctrl-C, or a stop by a service manager, reaches both npm and this process, and npm sends it on. A second signal within this time, in
// ms, is the same stop.
const ECHO = 200

/** Signals that drain the app. nginx and PHP-FPM are stopped by SIGQUIT, so images that take their place may be too. */
const STOPPING = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const

type Stopping = typeof STOPPING[number] | 'SIGHUP'

// Without a listener, Node would end for the first and the last of these, and open its debugger for the second.
const IGNORED = {
  SIGHUP: 'settings are read at the start only; restart to apply them',
  SIGUSR1: 'it would open the debugger of Node; start with node --inspect to debug',
  SIGUSR2: 'the gateway gives it no meaning'
} as const

/**
 * What signals do to the microservice. A signal to stop drains the app, a second one ends the process at once, and one before the app
 * exists ends the process too. SIGHUP, SIGUSR1 and SIGUSR2 are logged and ignored; other listeners get them all the same. SIGABRT and
 * others that ask for a core dump keep their default.
 */
export class Signals {
  #app: FastifyInstance | undefined
  #first: { readonly signal: Stopping, readonly at: number } | undefined

  constructor () {
    for (const signal of STOPPING) process.on(signal, () => this.#stop(signal))
    for (const [signal, why] of Object.entries(IGNORED)) {
      // A terminal that closes sends SIGHUP: a process that went on without it would hold its port, unseen.
      if (signal === 'SIGHUP' && process.stdin.isTTY) process.on(signal, () => this.#stop(signal))
      else process.on(signal, () => this.#ignore(signal, why))
    }
  }

  /** Whether a signal to stop has come. */
  get stopping (): boolean {
    return this.#first !== undefined
  }

  /** From now on, a signal to stop drains this app. */
  attend (app: FastifyInstance): void {
    this.#app = app
  }

  #ignore (signal: string, why: string): void {
    const message = `${signal} is ignored: ${why}`
    if (this.#app === undefined) process.stderr.write(`holdfast: ${message}\n`)
    else this.#app.log.warn({ signal }, message)
  }

  #stop (signal: Stopping): void {
    const app = this.#app
    // The status that shells use for a process that a signal ended.
    const status = 128 + constants.signals[signal]
    if (this.#first === undefined) {
      this.#first = { signal, at: performance.now() }
      if (app !== undefined) return drain(app, signal)
      process.stderr.write(`holdfast: ${signal} came before the start was over\n`)
    } else {
      if (signal === this.#first.signal && performance.now() - this.#first.at < ECHO) return
      app?.log.fatal({ signal }, 'a second signal: ends at once, in-flight requests are cut')
    }
    end(signal, status)
  }
}

function drain (app: FastifyInstance, signal: Stopping): void {
  app.log.info({ signal }, 'closing')
  getGateway(app).drain().then(
    () => {
      app.log.info('closed')
      // A timer that a route has left would keep the process alive.
      end(signal, 0)
    },
    err => {
      app.log.fatal({ err }, 'did not close in good order')
      end(signal, 1)
    }
  )
}

async function end (signal: Stopping, status: number): Promise<void> {
  await logWritten()
  if (signal !== 'SIGHUP') process.exit(status)
  // `process.exit` puts the terminal's mode back, and aborts with a core dump where the terminal is gone.
  process.emit('exit', status)
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
}
