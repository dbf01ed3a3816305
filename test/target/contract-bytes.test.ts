import { EventEmitter } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import t from 'tap'
import { FormData, request } from 'undici'
import type { Dispatcher } from 'undici'
import { contractFor, tellOlder } from '../../testing/undici-contract.js'
import type { RequestScript } from '../../testing/backend.js'

// A target writes the same bytes for a request as undici's Client, except for the listed differences.

type Options = Partial<Omit<Dispatcher.DispatchOptions, 'body' | 'method' | 'headers'>> & { body?: unknown, method?: string, headers?: unknown }

const ok: RequestScript = (_request, connection) => connection.reply({ body: 'ok' })

const send = async (dispatcher: Dispatcher, options: Options): Promise<void> => {
  await (await dispatcher.request({ path: '/', method: 'GET', ...options } as Dispatcher.RequestOptions)).body.dump()
}

const ended = (...chunks: string[]): Readable => {
  const stream = new PassThrough()
  for (const chunk of chunks) stream.write(chunk)
  stream.end()
  return stream
}

/** A stream in the style of Node before 0.10: not a Readable, and without `destroy`. */
class OldStream extends EventEmitter {
  readonly #chunks: string[]
  constructor (...chunks: string[]) {
    super()
    this.#chunks = chunks
  }

  pipe (): void {}
  pause (): void {}
  resume (): void {
    setImmediate(() => {
      for (const chunk of this.#chunks.splice(0)) this.emit('data', Buffer.from(chunk))
      this.emit('end')
    })
  }
}

// A body can be read only once, so each side makes its own.
const SAME: [title: string, options: () => Options][] = [
  ['a GET', () => ({})],
  ['a path with a query of its own', () => ({ path: '/a?b=c' })],
  ['a query beside the path', () => ({ path: '/a', query: { b: 'c d', e: ['1', '2'], f: 3, g: true, h: undefined } })],
  ['an empty query', () => ({ path: '/a', query: {} })],
  ['an absolute path', () => ({ path: 'http://other.example/a' })],
  ['a method of WebDAV', () => ({ method: 'PROPFIND' })],
  ['HEAD that is to keep its connection', () => ({ method: 'HEAD', reset: false })],
  ['a record of headers, in their case', () => ({ headers: { 'X-One': '1', 'x-TWO': '2', Accept: '*/*' } })],
  ['values that are no strings', () => ({ headers: { 'x-number': 1, 'x-true': true, 'x-null': null, 'x-undefined': undefined, 'x-big': 10n } })],
  ['several values of one name', () => ({ headers: { 'set-it': ['a', 'b'], 'x-mixed': ['a', null, 3], 'x-none': [] } })],
  ['a flat array of headers, with a name twice', () => ({ headers: ['X-A', '1', 'x-a', '2', 'x-b', ['3', '4']] })],
  ['pairs of headers', () => ({ headers: [['x-a', '1'], ['x-b', '2']][Symbol.iterator]() })],
  ['a Map of headers', () => ({ headers: new Map<string, unknown>([['x-a', '1'], ['x-b', ['2', '3']]]) })],
  ['Headers', () => ({ headers: new Headers({ b: '1', a: '2' }) })],
  ['values of latin1', () => ({ headers: { 'x-latin1': 'caf\xe9', 'x-empty': '', 'x-blank': ' padded\t' } })],
  ['a host among the headers', () => ({ headers: { 'x-before': '1', Host: 'other.example', 'x-after': '2' } })],
  ['Connection: keep-alive', () => ({ headers: { connection: 'keep-alive, x-named', 'x-named': '1' } })],
  ['Connection: close', () => ({ headers: { Connection: 'Close' } })],
  ['reset', () => ({ reset: true })],
  ['a POST without a body', () => ({ method: 'POST' })],
  ['a POST with an empty one', () => ({ method: 'POST', body: '' })],
  ['a POST that declares a length and has no body', () => ({ method: 'POST', headers: { 'content-length': '5' } })],
  ['a DELETE with a length of 0', () => ({ method: 'DELETE', headers: { 'content-length': '0' } })],
  ['PUT, PATCH and others without a body', () => ({ method: 'PATCH' })],
  ['a QUERY without a body', () => ({ method: 'QUERY' })],
  ['a text', () => ({ method: 'POST', body: 'h\xe9llo' })],
  ['a Buffer', () => ({ method: 'POST', body: Buffer.from('hello') })],
  ['a Buffer of some size', () => ({ method: 'POST', body: Buffer.alloc(100_000, 'a') })],
  ['a Uint8Array', () => ({ method: 'PUT', body: new Uint8Array([97, 98]) })],
  ['another view', () => ({ method: 'PUT', body: new Uint16Array(new Uint8Array([0, 0, 97, 98, 0, 0]).buffer, 2, 1) })],
  ['an ArrayBuffer', () => ({ method: 'PUT', body: new Uint8Array([97, 98]).buffer })],
  ['a body with its length among the headers', () => ({ method: 'POST', body: 'hello', headers: ['Content-Length', '5', 'x-a', '1'] })],
  ['a GET with a body', () => ({ body: 'hello', reset: false })],
  ['a GET whose length is wrong', () => ({ body: 'hello', headers: { 'content-length': '7' }, reset: false })],
  ['a stream', () => ({ method: 'POST', body: Readable.from(['one', '', 'two']) })],
  ['a stream of bytes', () => ({ method: 'POST', body: Readable.from([Buffer.from('one'), new Uint8Array([50])]) })],
  ['a stream with its length', () => ({ method: 'POST', body: Readable.from(['one', 'two']), headers: { 'content-length': 6 } })],
  ['a stream that has ended, whose length shows', () => ({ method: 'POST', body: ended('one', 'two') })],
  ['a stream that has ended, and had nothing', () => ({ method: 'POST', body: ended() })],
  ['such a one with GET', () => ({ body: ended() })],
  ['a stream of before streams', () => ({ method: 'POST', body: new OldStream('one', 'two') })],
  ['an iterable', () => ({ method: 'POST', body: ['one', Buffer.from('two')] })],
  ['an async iterable', () => ({ method: 'POST', body: (async function * () { yield * ['one', '', 'two'] })() })],
  ['an iterable with its length', () => ({ method: 'POST', body: ['one', 'two'], headers: { 'content-length': '6' } })],
  ['a web stream', () => ({ method: 'POST', body: new Blob(['one']).stream() })],
  ['a Blob', () => ({ method: 'POST', body: new Blob(['one', 'two']) })],
  ['a Blob with a type', () => ({ method: 'POST', body: new Blob(['{}'], { type: 'application/json' }) })],
  ['a Blob whose type the headers say otherwise', () => ({ method: 'POST', body: new Blob(['{}'], { type: 'application/json' }), headers: { 'content-type': 'text/plain' } })],
  ['an empty Blob', () => ({ method: 'POST', body: new Blob([], { type: 'text/plain' }) })],
  ['what is like a Blob', () => ({ method: 'POST', body: { [Symbol.toStringTag]: 'File', type: '', size: 3, arrayBuffer: async () => new Uint8Array([97, 98, 99]).buffer } })]
]

t.test('a target writes the bytes that undici\'s Client writes', async t => {
  const { both, bytes } = await contractFor(t, ok)
  for (const [title, options] of SAME) {
    const [client, target] = await both(async dispatcher => {
      await send(dispatcher, options())
      return bytes()
    })
    t.equal(client.length, 1, `${title}: in one piece`)
    t.same(target, client, title)
  }
})

t.test('a form is the same except for its boundary, from any FormData', async t => {
  const { both, bytes } = await contractFor(t, ok)
  const filled = <F extends { set (name: string, value: unknown, file?: string): void }>(form: F): F => {
    form.set('plain', 'one\ntwo')
    form.set('od"d\r\nname', 'caf\xe9')
    form.set('file', new Blob(['content'], { type: 'text/plain' }), 'na"me.txt')
    form.set('typeless', new Blob(['x']))
    return form
  }
  const unbound = (texts: string[]): string[] => {
    const [, boundary] = /boundary=(\S+)/.exec(texts[0]!)!
    return texts.map(text => text.replaceAll(boundary!, 'B').replace(/content-length: \d+/, `length: ${Number(/content-length: (\d+)/.exec(text)![1]) - text.split(boundary!).length * boundary!.length + boundary!.length * 2}`))
  }
  const [client, target] = await both(async dispatcher => {
    await send(dispatcher, { method: 'POST', body: filled(new FormData()) })
    return unbound(bytes())
  })
  t.same(target, client)
  const [typed, typedTarget] = await both(async dispatcher => {
    await send(dispatcher, { method: 'POST', body: new FormData(), headers: { 'content-type': 'multipart/mixed; boundary=x' } })
    return bytes().map(text => text.slice(0, text.indexOf('content-length')))
  })
  t.same(typedTarget, typed, 'the type that the headers say stays')
})

// Node's FormData is another class than undici's. undici's Client ends such a body with an error.
t.test('the FormData of Node\'s own fetch is a form too', async t => {
  const { target, bytes } = await contractFor(t, ok)
  const form = new globalThis.FormData()
  form.set('a', '1')
  await send(target, { method: 'POST', body: form })
  t.match(bytes()[0], /content-type: multipart\/form-data; boundary=(\S+)\r\ncontent-length: \d+\r\n\r\n--\1\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--\1--\r\n$/)
})

const DIFFERENT: [title: string, options: () => Options, client: RegExp, target: RegExp][] = [
  // Some servers send a body after HEAD. undici closes the connection; a target lets it rest for a moment.
  ['HEAD keeps its connection', () => ({ method: 'HEAD' }), /connection: close/, /connection: keep-alive/],
  // undici's types have this option, and its code refuses it. Callers written for undici 5 still give it.
  ['upgrade: true asks for a WebSocket', () => ({ upgrade: true as unknown as string }), /^$/, /connection: upgrade\r\nupgrade: Websocket\r\n/]
]

t.test('the known differences from undici\'s bytes are these', async t => {
  const { both, bytes } = await contractFor(t, ok)
  for (const [title, options, client, target] of DIFFERENT) {
    const [byClient, byTarget] = await both(async dispatcher => {
      await tellOlder(dispatcher, options() as Dispatcher.DispatchOptions)
      return bytes().join('')
    })
    t.match(byClient, client, `${title}: undici`)
    t.match(byTarget, target, `${title}: a target`)
  }
})

t.test('an empty body ends its request', async t => {
  const { both } = await contractFor(t, ({ body, header }, connection) => connection.reply({ body: `${body.length} ${header('content-length') ?? 'chunked'}` }))
  const empty = async (dispatcher: Dispatcher): Promise<string> => (await dispatcher.request({ path: '/', method: 'POST', body: [] as unknown as string })).body.text()
  const [client, target] = await both(empty)
  t.equal(client, '0 0')
  // Only after the head it is known that the body is empty.
  t.match(target, /^0 (0|chunked)$/)
})

t.test('an upgrade and CONNECT send the same bytes as undici', async t => {
  const { both, bytes } = await contractFor(t, ({ method }, connection) => {
    connection.write(method === 'CONNECT' ? 'HTTP/1.1 200 OK\r\n\r\n' : 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n')
    connection.takeOver()
  })
  const [byClient, byTarget] = await both(async dispatcher => {
    const upgraded = await dispatcher.upgrade({ path: '/up', protocol: 'chat', headers: { 'x-a': '1' } })
    upgraded.socket.destroy()
    const asked = bytes()
    const connected = await dispatcher.connect({ path: 'elsewhere.example:443', headers: ['x-a', '1'] } as Dispatcher.ConnectOptions)
    connected.socket.destroy()
    return [...asked, ...bytes(), connected.statusCode]
  })
  t.match(byClient, [/^GET \/up HTTP\/1\.1\r\nhost: \S+\r\nconnection: upgrade\r\nupgrade: chat\r\nx-a: 1\r\n\r\n$/, /^CONNECT elsewhere\.example:443 HTTP\/1\.1\r\n/, 200])
  t.same(byTarget.map(text => String(text).replace('connection: keep-alive', 'connection: close')), byClient.map(String), 'but that CONNECT does not ask to close')
})

t.test('undici.request with a URL and a query', async t => {
  const { backend, both, bytes } = await contractFor(t, ok)
  const [client, target] = await both(async dispatcher => {
    await (await request(`${backend.url}/a`, { dispatcher, query: { b: 1 }, body: 'put' })).body.dump()
    return bytes()
  })
  t.same(target, client)
})
