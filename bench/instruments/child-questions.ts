import type { ChildProcess } from 'node:child_process'

interface Waiting { resolve (answer: unknown): void, reject (error: Error): void }

interface Answer { readonly id: number, readonly answer?: unknown, readonly error?: string }

/** Questions to a child process that calls `answerQuestions`. One fails if its answer fails, or if the process ends before it. */
export class ChildQuestions {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0

  /** @param who what the process is called in an error */
  constructor (child: ChildProcess, who: string) {
    this.#child = child
    child.on('message', ({ id, answer, error }: Answer) => {
      if (error === undefined) this.#waiting.get(id)?.resolve(answer)
      else this.#waiting.get(id)?.reject(new Error(error))
      this.#waiting.delete(id)
    })
    child.once('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${who} ended with ${signal ?? code}`))
    })
  }

  async ask (question: object): Promise<unknown> {
    const id = ++this.#lastId
    return await new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#child.send({ id, ...question })
    })
  }
}

/** Answers the questions of the parent process, and ends with it. */
export function answerQuestions<Question extends object> (answerTo: (question: Question) => Promise<unknown>): void {
  process.on('message', (question: Question & { readonly id: number }) => {
    const { id } = question
    answerTo(question).then(
      answer => process.send?.({ id, answer }),
      (error: unknown) => process.send?.({ id, error: error instanceof Error ? error.stack : String(error) })
    )
  })
  process.once('disconnect', () => process.exit())
}
