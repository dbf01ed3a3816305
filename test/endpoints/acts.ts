import { request } from 'undici'
import type { Dispatcher } from 'undici'
import type { ConnectionObserver, Target } from '../../src/index.js'
import { internalsOf } from '../../src/target/target.js'

/** The status, or the code of the error. */
export async function send (target: Target, options: Partial<Dispatcher.RequestOptions> = {}): Promise<number | string> {
  try {
    const { statusCode, body } = await request(target.origin, { dispatcher: target, ...options } as Parameters<typeof request>[1])
    await body.dump()
    return statusCode
  } catch (error) {
    return (error as { code: string }).code
  }
}

/** Does something once, within the first event of a kind: at the worst moment. */
export function within (target: Target, event: keyof ConnectionObserver, act: () => void): void {
  const { observers } = internalsOf(target)
  const told = observers[event] as (...args: unknown[]) => void
  let acted = false
  Object.assign(observers, {
    [event] (...args: unknown[]) {
      told.apply(observers, args)
      if (acted) return
      acted = true
      act()
    }
  })
}

/** Requests in flight, or waiting, of each endpoint. */
export function outstanding (target: Target): number[] {
  return internalsOf(target).endpoints.all.map(({ outstanding }) => outstanding)
}
