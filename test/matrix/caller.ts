import type { Upload } from './cell.js'

/** What a client got. `gone`: it left. `wrong`: neither one answer nor a visible cut. */
export type Outcome = { readonly kind: 'answer', readonly status: number, readonly size: number } | { readonly kind: 'cut' | 'gone', readonly why: string } | { readonly kind: 'wrong', readonly why: string }

/** The client of a cell: sends its request, and sees the outcome. */
export interface Caller {
  /** Sends the head, and the first part of the body. */
  begin (upload: Upload): void
  /** Sends the rest. */
  more (): void
  /** Resolves to the outcome of the cell's request. */
  readonly outcome: Promise<Outcome>
  readonly settled: boolean
  /** Leaves with a reset. */
  reset (): void
  /** Ends its side, whether or not its body is complete. */
  halfClose? (): void
  /** Ends its connection or session, without a reset. */
  endSession? (): void
  /** Makes its body fail. */
  failBody? (error: Error): void
  /** Sends another request in the same way, on the same connection if possible. Returns what is wrong with its answer. */
  again (): Promise<string | undefined>
  /** Bytes or events that belong to no answer. */
  readonly unexplained: string | undefined
  close (): Promise<void>
}

export function sizeOf (body: Iterable<Buffer>): number {
  let size = 0
  for (const { length } of body) size += length
  return size
}

/** The state that all callers keep. */
export class Settling {
  readonly outcome: Promise<Outcome>
  settled = false
  left = false
  #resolve: (outcome: Outcome) => void = () => {}

  constructor () {
    this.outcome = new Promise(resolve => { this.#resolve = resolve })
  }

  settle (outcome: Outcome): void {
    if (this.settled) return
    this.settled = true
    this.#resolve(outcome)
  }

  /** An outcome without an answer. */
  lost (why: string): void {
    this.settle({ kind: this.left ? 'gone' : 'cut', why })
  }
}
