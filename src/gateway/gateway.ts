import type { ConnectionObserver } from '../connection/observer.js'
import type { Target } from '../target/target.js'

/** The gateway of an app: `app.gateway`, or `getGateway(app)`. */
export interface Gateway {
  /** All targets: iterate over them, or find one with `get(name)`. */
  readonly targets: Iterable<Target> & {
    /** A target by its name; undefined where there is none. */
    get (name: string): Target | undefined
  }
  /** Calls an observer for every connection from now on. Returns a function that removes the observer. */
  observe (observer: ConnectionObserver): () => void
  /**
   * Closes the app in order: readiness answers 503, requests are served for `drain.delay` ms more, then `app.close()` finishes the requests
   * in flight within `drain.deadline` ms.
   */
  drain (): Promise<void>
  /** Where the admin surface listens; undefined while it does not. */
  readonly admin?: {
    /** The URL of its listener, like `http://127.0.0.1:9901`. */
    readonly url: string
  } | undefined
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Undefined where the `gateway` plugin is not registered; `getGateway(app)` works with a proxy alone too. */
    gateway?: Gateway
  }
}
