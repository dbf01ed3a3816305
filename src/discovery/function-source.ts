import { setImmediate as nextTurn } from 'node:timers/promises'
import { ignoreError } from '../errors.js'
import type { DiscoveryFunction } from '../options/upstream-option.js'
import { Coalesced } from './coalesced.js'
import { readGivenList } from './given-list.js'
import { PolledSource } from './polled-source.js'
import { DiscoveryFailure, faultOf, type Answer, type Source, type SourceListener } from './source.js'
import type { Timing } from './timing.js'

export interface FunctionSetting {
  /** What all its endpoints have to speak. */
  readonly protocol: 'http:' | 'https:'
  /** The longest time between a list and the next call, in ms. */
  readonly refresh: number
  readonly timing: Timing
}

/** How long a user's function may take until its list, or its iterable until the first one, in ms. */
export const FUNCTION_PATIENCE = 10_000

/** The source of a user's function. What it says is whole: what a list lacks is gone. */
export function functionSource (discover: DiscoveryFunction, { protocol, refresh, timing }: FunctionSetting): Source {
  return new PolledSource({
    refresh,
    patience: FUNCTION_PATIENCE,
    timing,
    ask: async (signal, listener) => {
      const result: unknown = discover({ signal })
      if (!isIterable(result)) return { answer: answerOf(await result, protocol), ttl: undefined }
      await follow(result, { signal, listener, protocol, timing })
      throw new DiscoveryFailure('failed', 'the discovery function\'s iterable has ended; it is called again')
    }
  })
}

interface Following extends Pick<FunctionSetting, 'protocol' | 'timing'> { readonly signal: AbortSignal, readonly listener: SourceListener }

/** Tells the lists of an iterable, but not more of them than a target can follow. */
async function follow (lists: AsyncIterable<unknown>, { signal, listener, protocol, timing }: Following): Promise<void> {
  const iterator = lists[Symbol.asyncIterator]()
  let latest: unknown
  const tell = new Coalesced(timing, () => {
    try {
      listener.found(answerOf(latest, protocol))
    } catch (error) {
      listener.failed(faultOf(error, 'a list cannot be read'))
    }
  })
  signal.addEventListener('abort', () => {
    tell.stop()
    // A generator that waits ends when it has waited, unless it heeds the signal.
    Promise.resolve(iterator.return?.()).catch(ignoreError)
  }, { once: true })
  try {
    for (let next = await iterator.next(); next.done !== true && !signal.aborted; next = await iterator.next()) {
      latest = next.value
      tell.call()
      // A generator that never waits is not to hold the event loop.
      await nextTurn()
    }
  } finally {
    if (!signal.aborted) tell.flush()
  }
}

function isIterable (value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

function answerOf (list: unknown, protocol: 'http:' | 'https:'): Answer {
  try {
    return { found: readGivenList(list, 'the discovery function\'s list', protocol).found, absence: 'gone' }
  } catch (error) {
    throw new DiscoveryFailure('invalid', (error as Error).message, error)
  }
}
