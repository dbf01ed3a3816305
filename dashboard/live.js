import { ApiError, ask } from './api.js'
import { EventStreamParser } from './event-stream.js'

// Pause between two attempts, in ms: doubled each time, then multiplied by a random factor from 0.5 to 1.
const FIRST_PAUSE = 500
const LONGEST_PAUSE = 15_000
// A snapshot comes each second. A stream that has been silent for this long is not live, in ms.
const SILENCE = 5_000

/** @typedef {'connecting' | 'live' | 'lost' | 'locked'} LiveState */

/**
 * Reads the gateway's events for as long as the page is open. It uses fetch(), since EventSource cannot send an Authorization header.
 */
export class Live {
  #onEvent
  #onState
  #pause = FIRST_PAUSE
  /** @type {LiveState} */
  #state = 'connecting'
  /** @type {AbortController | undefined} */
  #reading
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer

  /**
   * @param {(type: string, data: any) => void} onEvent
   * @param {(state: LiveState, why: string) => void} onState called when the state changes
   */
  constructor (onEvent, onState) {
    this.#onEvent = onEvent
    this.#onState = onState
  }

  /** Starts, or starts again at once: with a new token, or when the network is back. */
  start () {
    clearTimeout(this.#timer)
    this.#reading?.abort()
    this.#pause = FIRST_PAUSE
    this.#become('connecting')
    this.#read()
  }

  async #read () {
    const reading = this.#reading = new AbortController()
    let why = 'the gateway does not answer'
    try {
      const { body } = await ask('events', { signal: reading.signal })
      if (body === null) throw new ApiError(0, 'no body')
      const parser = new EventStreamParser((type, data) => this.#heard(type, data))
      const decoder = new TextDecoder()
      const reader = body.getReader()
      this.#watch(reading)
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        parser.push(decoder.decode(piece.value, { stream: true }))
        this.#watch(reading)
      }
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        if (this.#reading === reading) this.#become('locked')
        return
      }
      if (error instanceof ApiError) why = error.message
    }
    // `start()` was called meanwhile, and another read has begun.
    if (this.#reading !== reading) return
    clearTimeout(this.#timer)
    this.#become('lost', why)
    this.#timer = setTimeout(() => { this.#read() }, this.#pause * (0.5 + Math.random() / 2))
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE)
  }

  /** @param {AbortController} reading */
  #watch (reading) {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => reading.abort(), SILENCE)
  }

  /**
   * @param {string} type
   * @param {string} data
   */
  #heard (type, data) {
    this.#pause = FIRST_PAUSE
    this.#become('live')
    this.#onEvent(type, JSON.parse(data))
  }

  /**
   * @param {LiveState} state
   * @param {string} [why]
   */
  #become (state, why = '') {
    if (state === this.#state) return
    this.#state = state
    this.#onState(state, why)
  }
}
