import type { FastifyInstance } from 'fastify'
import type { GatewayOptions, ProxyOptions } from '../../src/index.js'
import type { Cell, Protocol, Step } from './cell.js'
import type { Run } from './run.js'

/** What a client may get: the status of a whole answer, a visible cut, or nothing because it has left. */
export type Expected = number | 'cut' | 'gone'

/** Something that ends a forwarding. */
export interface Cause {
  readonly name: string
  /** When it can strike. */
  readonly steps: readonly Step[]
  /** For whom it can be; everybody unless said. */
  readonly protocols?: readonly Protocol[]
  readonly expects: readonly Expected[] | ((cell: Cell) => readonly Expected[])
  /** What makes it happen, once the cell has come to its step. */
  strike? (run: Run): void | Promise<void>
  /** Before the request is sent. */
  prepare? (run: Run): void | Promise<void>
  gateway? (cell: Cell): GatewayOptions
  route? (cell: Cell): Partial<ProxyOptions>
  hooks? (app: FastifyInstance): void
  /** Which hook of the app waits where the cell stops at `admit`, or at `head`. */
  readonly holdsIn?: 'onRequest' | 'preParsing' | 'preHandler' | 'onSend' | 'onSend with done'
  /** The client sends its body at once, and whole. */
  readonly whole?: boolean
  /** The client does not send the rest of its body. */
  readonly silent?: boolean
  /** The backend sends its response in chunks. */
  readonly chunked?: boolean
  /** Lines in the head of the backend's response. */
  readonly says?: string
  /** The app, or the target, is not there any more. */
  readonly final?: boolean
  /** The file that a request's body is to be read from is not there. */
  readonly noFile?: boolean
}

/** Whether what is sent is more than is collected. */
export function streams ({ body }: Cell): boolean {
  return body === 'streamed' || body === 'hook'
}
