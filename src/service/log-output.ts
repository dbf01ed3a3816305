import sonicBoom from 'sonic-boom'

// Its types have the class as a member of its exports, and so it is at run time.
const { SonicBoom } = sonicBoom
type Stream = InstanceType<typeof SonicBoom>

// In ms. A full disk may have room again.
const PAUSE = 1_000
// In ms. A write that takes longer is one to a pipe that is full, or to a terminal that was halted by Ctrl-S.
const STUCK = 1_000
// In bytes. Where the reader of a pipe is slow, so much waits in memory; further lines are lost.
const MOST_WAITING = 16_777_216

/**
 * Stdout, as the destination of the log. It is written asynchronously, and never ends or stops the process: while stdout cannot be written
 * (a full disk), lines are lost and stderr says so. Once its reader has left (EPIPE), all further lines are lost, and clients are served
 * all the same.
 *
 * The destination that pino makes by itself would end the process with an uncaught error then, and while the process ends, it would try
 * for ever to write the rest.
 */
export class LogOutput {
  readonly #format: (line: string) => string
  #stream: Stream | undefined
  #closed = false
  #lost = 0
  #retryAt = 0
  /** When the lines that wait were last seen to move; undefined while none waits. */
  #movedAt: number | undefined

  /** @param format makes what is written of a line of JSON */
  constructor (format = (line: string) => line) {
    this.#format = format
    process.on('exit', () => this.#end())
  }

  write (line: string): void {
    if (this.#closed) return
    if (this.#stream === undefined && performance.now() >= this.#retryAt) this.#stream = this.#open()
    if (this.#stream === undefined) this.#lost++
    else {
      this.#movedAt ??= performance.now()
      this.#stream.write(this.#format(line))
    }
  }

  /** Pino calls it after a line of level fatal, which may be the last one of the process. */
  flushSync (): void {
    const stream = this.#stream
    try {
      stream?.flushSync()
    } catch (error) {
      this.#fail(stream, error as NodeJS.ErrnoException)
    }
  }

  #open (): Stream {
    const stream = new SonicBoom({ fd: 1, maxLength: MOST_WAITING })
    stream.on('error', (error: NodeJS.ErrnoException) => this.#fail(stream, error))
    stream.on('drop', () => this.#lose('its reader is too slow'))
    // The last line before may have been written in part.
    if (this.#lost > 0) stream.write('\n')
    stream.on('write', () => { this.#movedAt = performance.now() })
    stream.on('drain', () => {
      this.#movedAt = undefined
      if (this.#lost > 0) tell(`the log is written again; ${this.#lost} of its lines were lost`)
      this.#lost = 0
    })
    return stream
  }

  #fail (stream: Stream | undefined, { code, message }: NodeJS.ErrnoException): void {
    if (this.#stream !== stream || this.#closed) return
    this.#stream = undefined
    this.#movedAt = undefined
    // What is left in it would be written while the process ends.
    stream?.destroy()
    if (code === 'EPIPE') {
      this.#closed = true
      tell('nothing reads stdout any more (EPIPE): the log is lost from here on, and clients are served all the same')
      return
    }
    this.#lose(message)
    this.#retryAt = performance.now() + PAUSE
  }

  #end (): void {
    if (this.#movedAt === undefined || performance.now() - this.#movedAt < STUCK) return this.flushSync()
    // A process that exits waits for its threads, and so for the write.
    tell('stdout takes nothing, so the process is killed at its end, and the rest of the log is lost')
    process.kill(process.pid, 'SIGKILL')
  }

  #lose (why: string): void {
    if (this.#lost === 0) tell(`the log cannot be written to stdout, and its lines are lost until it can be: ${why}`)
    this.#lost++
  }
}

function tell (message: string): void {
  process.stderr.write(`holdfast: ${message}\n`)
}
