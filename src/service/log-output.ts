import { write } from 'node:fs'
import sonicBoom from 'sonic-boom'
import { ignoreError } from '../errors.js'

// Its types have the class as a member of its exports, and so it is at run time.
const { SonicBoom } = sonicBoom
type Stream = InstanceType<typeof SonicBoom>

// In ms. A full disk may have room again.
const PAUSE = 1_000
// In ms, while the process ends. Where lines wait for longer, the reader of a pipe hangs, or a terminal was halted by Ctrl-S.
const STUCK = 1_000
// In ms. If stderr goes where stdout goes, it may be stuck too.
const LAST_WORDS = 100
// In bytes. Where the reader of a pipe is slow, so much waits in memory; further lines are lost.
const MOST_WAITING = 16_777_216

// A process ends when all of them are written. Tests make more than one.
const outputs = new Set<LogOutput>()

/**
 * Stdout, as the destination of the log. It is written asynchronously, and never ends or stops the process: while stdout cannot be written
 * (a full disk), lines are lost and stderr says so. Once its reader has left (EPIPE), all further lines are lost, and clients are served
 * all the same.
 *
 * The destination that pino makes by itself would end the process with an uncaught error then, and while the process ends, it would try
 * for ever to write the rest.
 *
 * It has no `flushSync`. Pino would call that after each line of level fatal, and it would block the process while stdout is full.
 */
export class LogOutput {
  readonly #format: (line: string) => string
  #stream: Stream | undefined
  #closed = false
  #lost = 0
  #retryAt = 0
  /** Lines that the stream got since all were written. */
  #waiting = 0
  #ending = false
  readonly #written: (() => void)[] = []

  /** @param format makes what is written of a line of JSON */
  constructor (format = (line: string) => line) {
    this.#format = format
    outputs.add(this)
    process.on('exit', () => this.#end())
  }

  write (line: string): void {
    if (this.#closed) return
    if (this.#stream === undefined && performance.now() >= this.#retryAt) this.#stream = this.#open()
    if (this.#stream === undefined) this.#lost++
    else {
      this.#waiting++
      this.#stream.write(this.#format(line))
    }
  }

  /** Resolves once no line waits: all are written, or lost. */
  async written (): Promise<void> {
    if (this.#waiting > 0) await new Promise<void>(resolve => { this.#written.push(resolve) })
  }

  #open (): Stream {
    const stream = new SonicBoom({ fd: 1, maxLength: MOST_WAITING, retryEAGAIN: () => !this.#ending })
    stream.on('error', (error: NodeJS.ErrnoException) => this.#fail(stream, error))
    stream.on('drop', () => {
      this.#waiting--
      this.#lose('its reader is too slow')
    })
    // The last line before may have been written in part.
    if (this.#lost > 0) stream.write('\n')
    stream.on('drain', () => {
      this.#settle()
      if (this.#lost > 0) tell(`the log is written again; ${this.#lost} of its lines were lost`)
      this.#lost = 0
    })
    return stream
  }

  #fail (stream: Stream, { code, message }: NodeJS.ErrnoException): void {
    if (this.#stream !== stream || this.#closed) return
    this.#stream = undefined
    this.#settle()
    // What is left in it would be written while the process ends.
    stream.destroy()
    if (code === 'EPIPE') {
      this.#closed = true
      tell('nothing reads stdout any more (EPIPE): the log is lost from here on, and clients are served all the same')
      return
    }
    this.#lose(message)
    this.#retryAt = performance.now() + PAUSE
  }

  #settle (): void {
    this.#waiting = 0
    for (const resolve of this.#written.splice(0)) resolve()
  }

  /** Lines wait here only if other code calls `process.exit`. Node has made a pipe non-blocking: what it does not take at once is lost. */
  #end (): void {
    if (this.#waiting === 0) return
    this.#ending = true
    try {
      this.#stream?.flushSync()
    } catch {}
  }

  #lose (why: string): void {
    if (this.#lost === 0) tell(`the log cannot be written to stdout, and its lines are lost until it can be: ${why}`)
    this.#lost++
  }
}

/**
 * Resolves once no line of the log waits to be written: then the process may exit. If lines wait for a second, kills the process: it could
 * not exit, because `process.exit` waits for a write that is under way.
 */
export async function logWritten (): Promise<void> {
  const stuck = setTimeout(() => {
    const kill = (): void => { process.kill(process.pid, 'SIGKILL') }
    tell('stdout takes nothing, so the process is killed at its end, and the rest of the log is lost', kill)
    setTimeout(kill, LAST_WORDS)
  }, STUCK)
  await Promise.all([...outputs].map(async output => await output.written()))
  clearTimeout(stuck)
}

/** Unlike `process.stderr.write`, this does not block where stderr is a terminal that was halted. */
function tell (message: string, told = ignoreError): void {
  write(2, `holdfast: ${message}\n`, told)
}
