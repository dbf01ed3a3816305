import type { ConnectionObserver } from '../connection/observer.js'
import type { Target } from '../target/target.js'

/** What an app may do with its gateway: `app.gateway`. */
export interface Gateway {
  /** All targets: iterate, or `get(name)`. */
  readonly targets: Iterable<Target> & { get (name: string): Target | undefined }
  /** Tells an observer of every connection from now on; returns what stops it. */
  observe (observer: ConnectionObserver): () => void
  /**
   * Ends the app in good order: readiness says 503, requests are served for `drain.delay` more, then `app.close()` finishes
   * what is in flight, within `drain.deadline`.
   */
  drain (): Promise<void>
  /** Where the admin surface listens, while it does. */
  readonly admin?: { readonly url: string } | undefined
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Present where the `gateway` plugin is; `getGateway(app)` is there in any case. */
    gateway?: Gateway
  }
}
