import { AsyncLocalStorage } from 'node:async_hooks'
import t from 'tap'
import type { Dispatcher } from 'undici'
import { ResponseHead } from '../../src/http/response-head.js'
import { HandlerAdapter } from '../../src/target/handler-adapter.js'

// One read of a socket may give several pieces of a body and its end. They still come after a handler has paused at the first piece.

const HEAD = new ResponseHead(1, [])

interface Rig {
  readonly adapter: HandlerAdapter
  readonly told: string[]
  /** What the adapter asked of the call. */
  readonly asked: string[]
  readonly control: { pause (): void, resume (): void, abort (reason?: Error): void }
}

function rig (dialect: 'older' | 'newer', on: (step: string, control: Rig['control']) => void = () => {}): Rig {
  const told: string[] = []
  const asked: string[] = []
  let resume = (): void => {}
  let abort = (_reason?: Error): void => {}
  let controller: Dispatcher.DispatchController | undefined
  let more = true
  const control = {
    pause: () => {
      more = false
      controller?.pause()
    },
    resume: () => controller === undefined ? resume() : controller.resume(),
    abort: (reason?: Error) => controller === undefined ? abort(reason) : controller.abort(reason!)
  }
  const note = (step: string): boolean => {
    told.push(step)
    more = true
    on(step, control)
    return more
  }
  const older: Dispatcher.DispatchHandler = {
    onConnect: give => { abort = give as typeof abort },
    onHeaders: (_status, _raw, give) => {
      resume = give
      return note('head')
    },
    onData: chunk => note(chunk.toString()),
    onComplete: () => { note('end') },
    onError: error => { note(error.message) }
  }
  const newer: Dispatcher.DispatchHandler = {
    onRequestStart: given => { controller = given },
    onResponseStart: () => { note('head') },
    onResponseData: (_controller, chunk) => { note(chunk.toString()) },
    onResponseEnd: () => { note('end') },
    onResponseError: (_controller, error) => { note(error.message) }
  }
  const adapter = new HandlerAdapter(dialect === 'older' ? older : newer)
  adapter.start({ start () {}, resume: () => { asked.push('resume') }, abort: ({ code }) => { asked.push(code) } })
  return { adapter, told, asked, control }
}

const head = ({ adapter }: Rig): void => adapter.responded(200, HEAD, 'OK')
const data = ({ adapter }: Rig, text: string): boolean => adapter.data(Buffer.from(text))

for (const dialect of ['older', 'newer'] as const) {
  t.test(`a paused handler is not called, and gets all in order when it resumes (${dialect})`, async t => {
    const it = rig(dialect, (step, { pause }) => { if (step === 'a') pause() })
    head(it)
    t.equal(data(it, 'a'), false)
    t.equal(data(it, 'b'), false)
    it.adapter.ended([])
    t.same(it.told, ['head', 'a'])
    it.control.resume()
    t.same(it.told, ['head', 'a', 'b', 'end'])
    t.same(it.asked, [], 'its call is over')
  })

  t.test(`a call whose response goes on is resumed when all that was held is given (${dialect})`, async t => {
    const it = rig(dialect, (step, { pause }) => { if (step === 'a' || step === 'b') pause() })
    head(it)
    data(it, 'a')
    data(it, 'b')
    data(it, 'c')
    it.control.resume()
    t.same([it.told, it.asked], [['head', 'a', 'b'], []], 'it has paused again')
    it.control.resume()
    t.same([it.told, it.asked], [['head', 'a', 'b', 'c'], ['resume']])
    t.equal(data(it, 'd'), true)
    it.adapter.ended([])
    t.same(it.told, ['head', 'a', 'b', 'c', 'd', 'end'])
  })

  t.test(`a handler that pauses at the head has nothing of the body yet (${dialect})`, async t => {
    const it = rig(dialect, (step, { pause }) => { if (step === 'head') pause() })
    head(it)
    t.equal(data(it, 'a'), false)
    it.adapter.ended([])
    t.same(it.told, ['head'])
    it.control.resume()
    t.same(it.told, ['head', 'a', 'end'])
  })

  t.test(`a handler that is aborted while it is paused gets its error, and nothing of what was held (${dialect})`, async t => {
    const it = rig(dialect, (step, { pause }) => { if (step === 'a') pause() })
    head(it)
    data(it, 'a')
    data(it, 'b')
    it.control.abort(new Error('enough'))
    it.control.resume()
    t.same(it.told, ['head', 'a', 'enough'])
    t.same(it.asked, ['HOLDFAST_ERR_CLIENT_GONE'])
    t.equal(data(it, 'c'), true, 'what comes yet is dropped')
  })

  t.test(`a failure reaches a paused handler at once (${dialect})`, async t => {
    const it = rig(dialect, (step, { pause }) => { if (step === 'a') pause() })
    head(it)
    data(it, 'a')
    data(it, 'b')
    it.adapter.failed(new Error('lost'))
    t.same(it.told, ['head', 'a', 'lost'])
  })

  t.test(`a handler that throws at a held piece has given its response up (${dialect})`, async t => {
    const it = rig(dialect, (step, { pause }) => {
      if (step === 'a') pause()
      if (step === 'b') throw new Error('thrown')
    })
    head(it)
    data(it, 'a')
    data(it, 'b')
    data(it, 'c')
    it.control.resume()
    t.same(it.told, ['head', 'a', 'b', 'thrown'])
    t.same(it.asked, ['HOLDFAST_ERR_CLIENT_GONE'])
  })
}

t.test('a handler that pauses and resumes at a held piece gets the next one after it', async t => {
  let depth = 0
  const it = rig('newer', (step, { pause, resume }) => {
    t.equal(++depth, 1, step)
    if (step === 'a') pause()
    if (step === 'b') {
      pause()
      resume()
    }
    depth--
  })
  head(it)
  data(it, 'a')
  data(it, 'b')
  data(it, 'c')
  it.control.resume()
  t.same(it.told, ['head', 'a', 'b', 'c'])
  t.same(it.asked, ['resume'])
})

t.test('an interim response pauses nothing in the older dialect', async t => {
  const it = rig('older', (_step, { pause }) => { if (it.told.length === 1) pause() })
  it.adapter.informed(103, ['link', '</a>'])
  head(it)
  t.equal(data(it, 'a'), true)
  t.same(it.told, ['head', 'head', 'a'])
})

t.test('a handler runs in the async context of its request, also where code outside of that context resumes it', async t => {
  const storage = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const it = storage.run('request', () => rig('newer', (step, { pause }) => {
    seen.push(storage.getStore())
    if (step === 'a') pause()
  }))
  head(it)
  data(it, 'a')
  data(it, 'b')
  storage.run('other', () => it.control.resume())
  t.same(seen, ['request', 'request', 'request'])
})

t.test('an error callback that throws is a warning, and stops nothing', async t => {
  const warned = new Promise(resolve => process.once('warning', resolve))
  const it = rig('newer', step => { if (step === 'lost') throw new Error('a bug of the handler') })
  it.adapter.failed(new Error('lost'))
  t.match(await warned, { message: 'a bug of the handler' })
})
