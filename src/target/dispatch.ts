import { errors } from 'undici'
import type { Dispatcher } from 'undici'
import type { Call, CallHandler, CallRequest } from './call.js'
import { DispatchController } from './dispatch-controller.js'
import { HandlerAdapter, tellError } from './handler-adapter.js'
import { undiciRequest } from './undici-request.js'
import type { UndiciRequest } from './undici-request.js'

/**
 * Carries out undici's `dispatch`. What undici refuses is told to the handler's error callback at once, with undici's own errors, and
 * nothing is sent; a handler that has no such callback gets it thrown.
 *
 * @param refusal why the target does not take the request, where it does not
 * @returns false for a request that was refused, as undici does
 */
export function dispatchTo (call: (request: CallRequest, handler: CallHandler) => Call, options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler, refusal?: Error): boolean {
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
  adapter.start(call(request, adapter))
  return true
}

/** Tells a handler that its request was not begun. */
export function refuse (handler: Dispatcher.DispatchHandler, error: Error): void {
  tellError(handler, new DispatchController(() => {}, () => {}), error)
}

// undici asks a handler of the newer dialect for no more than its beginning.
function checkHandler (handler: Dispatcher.DispatchHandler, { method, upgrade }: UndiciRequest): void {
  if (typeof handler.onRequestStart === 'function') return
  const callbacks = handler as Record<string, unknown>
  const names = ['onConnect', 'onError']
  if (callbacks['onBodySent'] !== undefined) names.push('onBodySent')
  if (upgrade !== undefined || method === 'CONNECT') names.push('onUpgrade')
  else names.push('onHeaders', 'onData', 'onComplete')
  for (const name of names) if (typeof callbacks[name] !== 'function') throw new errors.InvalidArgumentError(`invalid ${name} method`)
}
