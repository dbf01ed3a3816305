import type { FastifyInstance } from 'fastify'
import type { GatewayOptions, ProxyOptions } from '../../src/index.js'
import type { Cell, Protocol, Step } from './cell.js'
import type { Run } from './run.js'

/** What a client may get: the status of a whole answer, a visible cut, or nothing because it has left. */
export type Expected = number | 'cut' | 'gone'

/** Something that ends a forwarding. */
export interface Cause {
  readonly name: string
  /** The steps at which it can strike. */
  readonly steps: readonly Step[]
  /** The protocols that it applies to. Default: all. */
  readonly protocols?: readonly Protocol[]
  readonly expects: readonly Expected[] | ((cell: Cell) => readonly Expected[])
  /** Makes it happen when the cell has reached its step. */
  strike? (run: Run): void | Promise<void>
  /** Called before the request is sent. */
  prepare? (run: Run): void | Promise<void>
  gateway? (cell: Cell): GatewayOptions
  route? (cell: Cell): Partial<ProxyOptions>
  hooks? (app: FastifyInstance): void
  /** Which hook of the app waits if the cell stops at `admit` or `head`. */
  readonly holdsIn?: 'onRequest' | 'preParsing' | 'preHandler' | 'onSend' | 'onSend with done'
  /** The client sends its whole body at once. */
  readonly whole?: boolean
  /** The client does not send the rest of its body. */
  readonly silent?: boolean
  /** The backend sends its response in chunks. */
  readonly chunked?: boolean
  /** Header lines of the backend's response. */
  readonly says?: string
  /** The app, or the target, is closed afterwards. */
  readonly final?: boolean
  /** The request's body is read from a file that does not exist. */
  readonly noFile?: boolean
}

/** Whether the body is larger than what the gateway collects. */
export function streams ({ body }: Cell): boolean {
  return body === 'streamed' || body === 'hook'
}
