import { errors } from 'undici'
import type { Dispatcher } from 'undici'
import type { Call, CallHandler, CallRequest } from './call.js'
import { DispatchController } from './dispatch-controller.js'
import { HandlerAdapter, tellError } from './handler-adapter.js'
import { undiciRequest } from './undici-request.js'
import type { UndiciRequest } from './undici-request.js'

interface DispatchTarget {
  call (request: CallRequest, handler: CallHandler): Call
}

/**
 * Carries out undici's `dispatch`. For options that undici refuses, nothing is sent, and the handler's error callback gets undici's own
 * error at once; without such a callback, the error is thrown.
 *
 * @param refusal why the target does not take the request; undefined where it does
 * @returns false for a request that was refused, as undici does
 */
export function dispatchTo (
  target: DispatchTarget, options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler, refusal?: Error
): boolean {
  if (typeof handler !== 'object' || handler === null) throw new errors.InvalidArgumentError('handler must be an object')
  let request: UndiciRequest
  try {
    if (typeof options !== 'object' || options === null) throw new errors.InvalidArgumentError('opts must be an object.')
    if (refusal !== undefined) throw refusal
    request = undiciRequest(options)
    checkHandler(handler, request)
  } catch (error) {
    refuse(handler, error as Error)
    return false
  }
  const adapter = new HandlerAdapter(handler, request.source)
  adapter.start(target.call(request, adapter))
  return true
}

/** Gives the error to a handler whose request was not begun. */
export function refuse (handler: Dispatcher.DispatchHandler, error: Error): void {
  tellError(handler, new DispatchController(() => {}, () => {}), error)
}

// undici checks no other callback of a handler that has `onRequestStart`.
function checkHandler (handler: Dispatcher.DispatchHandler, { method, upgrade }: UndiciRequest): void {
  if (typeof handler.onRequestStart === 'function') return
  const callbacks = handler as Record<string, unknown>
  const names = ['onConnect', 'onError']
  if (callbacks['onBodySent'] !== undefined) names.push('onBodySent')
  if (upgrade !== undefined || method === 'CONNECT') names.push('onUpgrade')
  else names.push('onHeaders', 'onData', 'onComplete')
  for (const name of names) if (typeof callbacks[name] !== 'function') throw new errors.InvalidArgumentError(`invalid ${name} method`)
}
