import type { Upload } from './cell.js'

/** What a client has got. `gone`: it did not wait for it. `wrong`: neither one answer nor a visible cut. */
export type Outcome = { readonly kind: 'answer', readonly status: number, readonly size: number } | { readonly kind: 'cut' | 'gone', readonly why: string } | { readonly kind: 'wrong', readonly why: string }

/** One side of a cell: who sends its request, and sees what comes of it. */
export interface Caller {
  /** Sends the head, and the first part of the body. */
  begin (upload: Upload): void
  /** Sends the rest. */
  more (): void
  /** Settles once, with what came of the cell's request. */
  readonly outcome: Promise<Outcome>
  readonly settled: boolean
  /** Leaves without a word. */
  reset (): void
  /** Says that it sends nothing more, whether or not its body is complete. */
  halfClose? (): void
  /** Ends what carries all its requests, other than by a reset. */
  endSession? (): void
  /** The body that it sends fails under it. */
  failBody? (error: Error): void
  /** Another request the same way and on the same connection, where that can still be: what is wrong with its answer. */
  again (): Promise<string | undefined>
  /** What came that no answer explains. */
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

  /** What ended without an answer. */
  lost (why: string): void {
    this.settle({ kind: this.left ? 'gone' : 'cut', why })
  }
}
