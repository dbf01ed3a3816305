import type { AsyncResource } from 'node:async_hooks'
import type { FastifyReply } from 'fastify'

/** A request in whose async context the app's functions run. */
export interface RequestScope {
  readonly scope: AsyncResource
  readonly reply: FastifyReply
  /** A function of the app has thrown, or rejected. To be called in the scope. */
  thrown (error: unknown): void
}

/**
 * Runs a step that may call functions of the app, as a method of the request, in the context of that request, whichever socket calls back.
 */
export function runInScope<T extends RequestScope, A, B, C> (
  request: T, step: (this: T, a: A, b: B, c: C) => void, a?: A, b?: B, c?: C
): void {
  try {
    request.scope.runInAsyncScope(step, request, a as A, b as B, c as C)
  } catch (error) {
    request.thrown(error)
  }
}

/** Looks after what a function of the app has returned. Nothing waits for a promise, but the app answers what it rejects with. */
export function heed (request: RequestScope, result: unknown): void {
  const { reply } = request
  // A reply is thenable, for handlers that await it.
  if (result === reply || typeof (result as PromiseLike<unknown> | undefined)?.then !== 'function') return
  (result as PromiseLike<unknown>).then(undefined, (error: unknown) => {
    // The response is on its way, and does not depend on the function's result.
    if (reply.raw.headersSent) reply.log.error({ err: error }, 'a function of the app failed after its response had begun')
    else runInScope(request, request.thrown, error)
  })
}
