import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { Readable } from 'node:stream'
import t from 'tap'
import type { Dispatcher } from 'undici'
import type { RequestScript } from '../../testing/backend.js'
import { contractFor, tellNewer, tellOlder } from '../../testing/undici-contract.js'
import type { Told } from '../../testing/undici-contract.js'

// A handler gets the same calls in the same order over a target as over undici's Client.

type Options = Partial<Dispatcher.DispatchOptions>

const ANSWERS: Record<string, string> = {
  '/plain': 'HTTP/1.1 200 Fine\r\nX-Case: Kept\r\nx-twice: 1\r\nX-Twice: 2\r\nContent-Length: 5\r\n\r\nhello',
  '/empty': 'HTTP/1.1 204 No Content\r\n\r\n',
  '/no-reason': 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n',
  '/latin1': 'HTTP/1.1 200 OK\r\nX-Latin1: caf\xe9\r\nContent-Length: 0\r\n\r\n',
  '/chunked': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n',
  '/trailers': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n3\r\none\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\nX-Other: caf\xe9\r\n\r\n',
  '/early-hints': 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  '/not-found': 'HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone',
  '/cookies': 'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n__proto__: x\r\nContent-Length: 0\r\n\r\n'
}

const answers: RequestScript = ({ path, method }, connection) => {
  const answer = ANSWERS[path]!
  connection.write(Buffer.from(method === 'HEAD' ? answer.slice(0, answer.indexOf('\r\n\r\n') + 4) : answer, 'latin1'))
}

const CASES: [title: string, options: () => Options][] = [
  ...Object.keys(ANSWERS).map((path): [string, () => Options] => [path, () => ({ path })]),
  ['HEAD', () => ({ path: '/plain', method: 'HEAD' })],
  ['a body that is here', () => ({ path: '/plain', method: 'POST', body: 'sent' })],
  ['a body that streams', () => ({ path: '/plain', method: 'POST', body: Readable.from([Buffer.from('one'), Buffer.from('two')]) })],
  ['an iterable', () => ({ path: '/plain', method: 'POST', body: ['one', 'two'] as unknown as string })],
  ['an empty body', () => ({ path: '/plain', method: 'POST', body: '' })]
]

// One read of the socket may give one piece of a body or several.
function joined (told: Told[], data: string): Told[] {
  return told.reduce<Told[]>((all, [name, ...given]) => {
    const last = all.at(-1)
    if (name === data && last?.[0] === data) last[1] = String(last[1]) + String(given[0])
    else all.push([name, ...given])
    return all
  }, [])
}

t.test('a handler of the older dialect gets undici\'s callbacks in undici\'s order', async t => {
  const { both } = await contractFor(t, answers)
  for (const [title, options] of CASES) {
    const [client, target] = await both(async dispatcher => joined(await tellOlder(dispatcher, options()), 'onData'))
    t.equal(client.at(-1)?.[0], 'onComplete', title)
    t.same(target, client, title)
  }
})

t.test('a handler of the newer dialect gets undici\'s callbacks in undici\'s order', async t => {
  const { both } = await contractFor(t, answers)
  for (const [title, options] of CASES) {
    const [client, target] = await both(async dispatcher => joined(await tellNewer(dispatcher, options()), 'onResponseData'))
    t.equal(client.at(-1)?.[0], 'onResponseEnd', title)
    t.same(target, client, title)
  }
})

t.test('an upgrade and CONNECT call the handler as undici does', async t => {
  const { both } = await contractFor(t, ({ method }, connection) => {
    connection.write(method === 'CONNECT' ? 'HTTP/1.1 200 Tunnel\r\nX-A: 1\r\n\r\n' : 'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n')
    connection.takeOver()
  })
  for (const options of [{ upgrade: 'chat' }, { method: 'CONNECT', path: 'a.example:1' }] as Options[]) {
    for (const tell of [tellOlder, tellNewer]) {
      const [client, target] = await both(dispatcher => tell(dispatcher, options))
      t.match(client.at(-1)?.[0], /Upgrade$/)
      t.same(target, client, `${options.method ?? 'upgrade'} ${tell.name}`)
    }
  }
})

t.test('an upgrade that the backend does not accept is a response', async t => {
  const { both } = await contractFor(t, (_request, connection) => connection.reply({ status: 403, body: 'no' }))
  for (const tell of [tellOlder, tellNewer]) {
    const [client, target] = await both(dispatcher => tell(dispatcher, { upgrade: 'chat' }))
    t.same(target, client, tell.name)
  }
})

const reason = new Error('given up')

// undici calls `onRequestSent` even after an abort in `onBodySent`. A target calls nothing after an error.
function untilError (told: Told[]): Told[] {
  const error = told.findIndex(([name]) => name.endsWith('Error'))
  return error === -1 ? told : told.slice(0, error + 1)
}

// The step at which a handler aborts, and the calls after it.
for (const [dialect, tell, steps] of [
  ['older', tellOlder, ['onConnect', 'onBodySent', 'onRequestSent', 'onResponseStarted', 'onHeaders', 'onData', 'onComplete']],
  ['newer', tellNewer, ['onRequestStart', 'onResponseStart', 'onResponseData', 'onResponseEnd']]
] as const) {
  t.test(`the ${dialect} dialect may abort in any step`, async t => {
    const { backend, both, target } = await contractFor(t, answers)
    for (const step of steps) {
      for (const given of [reason, undefined]) {
        const [byClient, byTarget] = await both(dispatcher => tell(dispatcher, { path: '/plain', method: 'POST', body: 'sent' }, { on: (name, { abort }) => { if (name === step) abort(given) } }))
        t.same(byTarget, untilError(byClient), `${step}, ${given === undefined ? 'without a reason' : 'with a reason'}`)
      }
    }
    t.equal(target.snapshot().connections.active, 0)
    t.ok(backend.requests > 0)
  })

  t.test(`the ${dialect} dialect may throw in any step`, async t => {
    const { both, target } = await contractFor(t, answers)
    for (const step of steps.filter(name => name !== 'onResponseStarted')) {
      const [byClient, byTarget] = await both(dispatcher => tell(dispatcher, { path: '/plain', method: 'POST', body: 'sent' }, { on: name => { if (name === step) throw reason } }))
      t.match(untilError(byClient).at(-1), [/^on(Response)?Error$/, { message: 'given up' }], step)
      t.same(byTarget, untilError(byClient), step)
    }
    t.equal(target.snapshot().connections.active, 0)
  })
}

t.test('a stream that fails or is destroyed fails its request as with undici', async t => {
  const { both } = await contractFor(t, answers)
  const failed = (error?: Error): Readable => {
    const stream = new Readable({ read () {} })
    stream.push('one')
    setImmediate(() => stream.destroy(error))
    return stream
  }
  const early = (error?: Error): Readable => new Readable({ read () {} }).on('error', () => {}).destroy(error)
  const iterable = async function * () {
    yield 'one'
    throw reason
  }
  const message = (error?: Error): IncomingMessage => new IncomingMessage(new Socket()).on('error', () => {}).destroy(error)
  const bodies: [string, () => unknown][] = [
    ['a message, before, with an error', () => message(reason)],
    ['with an error', () => failed(reason)],
    ['without one', () => failed()],
    ['before, with an error', () => early(reason)],
    ['before, without one', () => early()],
    ['an iterable that throws', iterable],
    ['an iterable of what is no bytes', () => [1]]
  ]
  for (const [title, body] of bodies) {
    const [client, target] = await both(async dispatcher => {
      const told = await tellOlder(dispatcher, { path: '/plain', method: 'POST', body: body() as string })
      // How far it gets is a race with the connection: undici calls `onConnect` when it has one, a target before.
      return told.filter(([name]) => name !== 'onBodySent' && name !== 'onConnect')
    })
    t.equal(client.at(-1)?.[0], 'onError', title)
    if (title === 'an iterable of what is no bytes') t.equal(target.at(-1)?.[0], 'onError', `${title}: Node's words for it`)
    else t.same(target, client, title)
  }
})
