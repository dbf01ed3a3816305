import { AsyncLocalStorage } from 'node:async_hooks'
import type { LookupAddress } from 'node:dns'
import t from 'tap'
import { Lookups } from '../../src/connection/lookups.js'
import type { Answered, NameSource } from '../../src/connection/lookups.js'

const QUERY = { family: 0, hints: 0 }
const at = (address: string): LookupAddress[] => [{ address, family: 4 }]

interface Asked { readonly name: string, readonly answer: (error: Error | null, addresses?: LookupAddress[]) => void }

/** Look-ups with a clock of the test, and name sources that answer when the test says so. */
class Bench {
  now = 0
  readonly threads: Asked[] = []
  readonly elsewhere: Asked[] = []
  readonly answers: string[] = []
  readonly lookups: Lookups
  #timers: { at: number, then: () => void }[] = []

  constructor (most = 2) {
    const source = (asked: Asked[]): NameSource => (name, _query, answered) => { asked.push({ name, answer: (error, addresses = []) => answered(error, addresses) }) }
    this.lookups = new Lookups({
      threaded: source(this.threads),
      threadless: source(this.elsewhere),
      most,
      clock: () => this.now,
      after: (ms, then) => {
        const timer = { at: this.now + ms, then }
        this.#timers.push(timer)
        return () => { this.#timers = this.#timers.filter(other => other !== timer) }
      }
    })
  }

  ask (...names: string[]): void {
    for (const name of names) this.lookups.ask(name, QUERY, this.answered(name))
  }

  answered (name: string): Answered {
    return (error, [first]) => this.answers.push(`${name} ${error === null ? first?.address ?? 'nothing' : (error as NodeJS.ErrnoException).code ?? error.message}`)
  }

  pass (ms: number): void {
    const end = this.now + ms
    for (;;) {
      const [next] = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
      if (next === undefined) break
      this.#timers = this.#timers.filter(timer => timer !== next)
      this.now = next.at
      next.then()
    }
    this.now = end
  }

  get timers (): number { return this.#timers.length }
  names (asked: Asked[]): string[] { return asked.map(({ name }) => name) }
}

t.test('a name has one look-up in flight, which all callers share', async t => {
  const bench = new Bench()
  bench.ask('a', 'a', 'A')
  t.same(bench.names(bench.threads), ['a'])
  bench.lookups.ask('a', { family: 6, hints: 0 }, bench.answered('other family'))
  t.equal(bench.threads.length, 2, 'another question is another look-up')
  bench.threads[0]!.answer(null, at('1.1.1.1'))
  t.same(bench.answers, ['a 1.1.1.1', 'a 1.1.1.1', 'A 1.1.1.1'])
  bench.ask('a')
  t.equal(bench.threads.length, 3, 'an answer is not kept')
})

t.test('unanswered look-ups take two threads, whatever their number, and a healthy name is found without one', async t => {
  const bench = new Bench()
  bench.ask('hangs-1', 'hangs-2', 'hangs-3', 'hangs-4', 'healthy')
  t.same(bench.names(bench.threads), ['hangs-1', 'hangs-2'])
  t.same(bench.elsewhere, [])
  bench.pass(99)
  t.same(bench.elsewhere, [], 'not before an answer is overdue')
  bench.pass(1)
  t.same(bench.names(bench.elsewhere), ['hangs-3', 'hangs-4', 'healthy'])
  bench.elsewhere[2]!.answer(null, at('2.2.2.2'))
  t.same(bench.answers, ['healthy 2.2.2.2'])
  bench.ask('healthy')
  t.equal(bench.elsewhere.length, 3, 'the next one is asked in a turn of its own')
  bench.pass(0)
  t.same(bench.names(bench.elsewhere).slice(3), ['healthy'], 'and waits no more, since both are overdue already')
  t.equal(bench.threads.length, 2)
})

t.test('while threads are free in the usual time, only threads are asked', async t => {
  const bench = new Bench()
  bench.ask('a', 'b', 'c', 'd')
  bench.pass(50)
  bench.threads[0]!.answer(null, at('1.1.1.1'))
  t.same(bench.names(bench.threads), ['a', 'b', 'c'])
  bench.threads[1]!.answer(null, at('1.1.1.2'))
  bench.threads[2]!.answer(null, at('1.1.1.3'))
  bench.threads[3]!.answer(null, at('1.1.1.4'))
  bench.pass(20_000)
  t.same(bench.answers, ['a 1.1.1.1', 'b 1.1.1.2', 'c 1.1.1.3', 'd 1.1.1.4'])
  t.same([bench.elsewhere.length, bench.lookups.size, bench.timers], [0, 0, 0])
})

t.test('a name that is not found without a thread waits for one, whose answer counts', async t => {
  const bench = new Bench()
  bench.ask('hangs-1', 'hangs-2', 'printer')
  bench.pass(100)
  bench.elsewhere[0]!.answer(new Error('ENOTFOUND'))
  t.same(bench.answers, [])
  bench.threads[0]!.answer(new Error('ETIMEOUT'))
  t.same(bench.names(bench.threads), ['hangs-1', 'hangs-2', 'printer'])
  bench.pass(60_000)
  bench.threads[2]!.answer(null, at('3.3.3.3'))
  t.same(bench.answers, ['hangs-1 ETIMEOUT', 'printer 3.3.3.3'])
})

t.test('a thread that is free while a name is asked elsewhere is not spent on it', async t => {
  const bench = new Bench()
  bench.ask('hangs-1', 'hangs-2', 'slow')
  bench.pass(100)
  bench.threads[0]!.answer(new Error('EAI_AGAIN'))
  t.equal(bench.threads.length, 2)
  bench.elsewhere[0]!.answer(new Error('ENOTFOUND'))
  t.same(bench.names(bench.threads), ['hangs-1', 'hangs-2', 'slow'])
})

t.test('a look-up that waits too long fails, and the queue is bounded', async t => {
  const bench = new Bench()
  bench.ask('hangs-1', 'hangs-2', 'hangs-3', 'hangs-4')
  bench.pass(100)
  bench.elsewhere[0]!.answer(new Error('ENOTFOUND'))
  bench.pass(9_900)
  t.same(bench.answers, ['hangs-3 EAI_AGAIN', 'hangs-4 EAI_AGAIN'])
  t.same([bench.lookups.size, bench.timers], [2, 0])
  bench.elsewhere[1]!.answer(null, at('4.4.4.4'))
  bench.threads[0]!.answer(null, at('1.1.1.1'))
  t.same(bench.answers.slice(2), ['hangs-1 1.1.1.1'], 'a late answer is no answer')
  bench.ask('next')
  t.same(bench.names(bench.threads).slice(2), ['next'])
})

t.test('each answer comes in the async context of its caller', async t => {
  const storage = new AsyncLocalStorage<string>()
  const bench = new Bench()
  const seen: (string | undefined)[] = []
  for (const who of ['one', 'two']) storage.run(who, () => bench.lookups.ask('a', QUERY, () => seen.push(storage.getStore())))
  bench.threads[0]!.answer(null, at('1.1.1.1'))
  t.same(seen, ['one', 'two'])
})

t.test('a source that throws counts as an answer, and frees its thread', async t => {
  const answers: string[] = []
  const lookups = new Lookups({
    threaded: (name, { hints }, answered) => {
      if (hints !== 0) throw new TypeError('hints')
      queueMicrotask(() => answered(null, at(name)))
    },
    threadless: () => t.fail('no thread is taken'),
    most: 1,
    clock: () => 0,
    after: () => () => {}
  })
  for (const hints of [1, 0]) {
    await new Promise<void>(resolve => lookups.ask('a', { family: 0, hints }, error => {
      answers.push(error?.message ?? 'found')
      resolve()
    }))
  }
  t.strictSame(answers, ['hints', 'found'])
  t.equal(lookups.size, 0)
})
