interface Task { at: number, rank: number, order: number, run: () => void }

const TIMER = 0
const IO = 1

/**
 * An event loop in virtual time. It can be busy for a while. What became due meanwhile runs after that, timers first, as in Node.
 * Times in ms.
 */
export class VirtualLoop {
  now = 0
  readonly #late: () => number
  #busyUntil = 0
  #order = 0
  /** A binary heap. */
  readonly #tasks: Task[] = []

  /** @param late returns how long after they came bytes, a FIN or a request are noticed; called for each of them */
  constructor (late: () => number) {
    this.#late = late
  }

  timer (at: number, run: () => void): void {
    this.#push({ at, rank: TIMER, order: ++this.#order, run })
  }

  arrival (at: number, run: () => void): void {
    this.#push({ at: at + this.#late(), rank: IO, order: ++this.#order, run })
  }

  /** Makes the loop busy from now on. */
  busy (ms: number): void {
    this.#busyUntil = this.now + ms
  }

  /** Runs events until `done`. */
  run (done: () => boolean): void {
    while (!done()) {
      const task = this.#pop()
      if (task === undefined) return
      if (task.at < this.#busyUntil) {
        task.at = this.#busyUntil
        task.order = ++this.#order
        this.#push(task)
        continue
      }
      this.now = task.at
      task.run()
    }
  }

  #push (task: Task): void {
    const tasks = this.#tasks
    let child = tasks.length
    while (child > 0) {
      const parent = (child - 1) >> 1
      if (!before(task, tasks[parent]!)) break
      tasks[child] = tasks[parent]!
      child = parent
    }
    tasks[child] = task
  }

  #pop (): Task | undefined {
    const tasks = this.#tasks
    const first = tasks[0]
    const last = tasks.pop()
    if (first === undefined || last === undefined || tasks.length === 0) return first
    let parent = 0
    for (;;) {
      let child = 2 * parent + 1
      if (child >= tasks.length) break
      if (child + 1 < tasks.length && before(tasks[child + 1]!, tasks[child]!)) child++
      if (!before(tasks[child]!, last)) break
      tasks[parent] = tasks[child]!
      parent = child
    }
    tasks[parent] = last
    return first
  }
}

function before (a: Task, b: Task): boolean {
  return a.at !== b.at ? a.at < b.at : a.rank !== b.rank ? a.rank < b.rank : a.order < b.order
}
