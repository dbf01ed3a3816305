// A response is cut at each of its bytes, in every framing, by a FIN and by an RST. No kind of client may take it for whole.
import { connect } from 'node:http2'
import type { ClientHttp2Session } from 'node:http2'
import Fastify from 'fastify'
import t from 'tap'
import type { Test } from 'tap'
import { request as undiciRequest, fetch as undiciFetch } from 'undici'
import { gateway, proxy } from '../../src/index.js'
import type { Backend } from '../../testing/backend.js'
import { rawClient } from '../../testing/client.js'
import { backendFor, gatewayFor, targetFor } from '../../testing/gateway.js'

const HEAD = 'HTTP/1.1 200 OK\r\n'
const FRAMINGS: ReadonlyArray<{ name: string, response: string, untilEnd?: boolean }> = [
  { name: 'a length', response: `${HEAD}Content-Length: 5\r\n\r\nhello` },
  { name: 'chunks', response: `${HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n` },
  { name: 'chunks with trailers', response: `${HEAD}Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nx-a: b\r\n\r\n` },
  // A body that ends with its connection is whole after a FIN at any byte: it looks like a body that was meant to end there.
  { name: 'the end of its connection', response: 'HTTP/1.1 200 OK\r\nx-a: b\r\n\r\nhello', untilEnd: true },
  { name: 'the end of its connection, in HTTP/1.0', response: 'HTTP/1.0 200 OK\r\n\r\nhello', untilEnd: true }
]
const AT_ONCE = 12

interface Cut { readonly path: string, readonly name: string, readonly bytes: string, readonly how: 'fin' | 'rst' }

const CUTS: readonly Cut[] = FRAMINGS.flatMap(({ name, response, untilEnd = false }, framing) => (['fin', 'rst'] as const).flatMap(how => {
  const bytes = how === 'rst' && untilEnd ? response.length + 1 : how === 'fin' && untilEnd ? response.indexOf('\r\n\r\n') + 4 : response.length
  return Array.from({ length: bytes }, (_, at): Cut => ({ path: `/${framing}/${how}/${at}`, name: `${name}, ${at} bytes and a ${how}`, bytes: response.slice(0, at), how }))
}))
const WHOLE: readonly Cut[] = FRAMINGS.map(({ name, response }, framing) => ({ path: `/${framing}/whole`, name: `all of ${name}`, bytes: response, how: 'fin' }))
const BY_PATH = new Map([...CUTS, ...WHOLE].map(cut => [cut.path, cut]))

const script: Parameters<typeof backendFor>[1] = ({ path }, connection) => {
  const { bytes, how } = BY_PATH.get(path)!
  connection.write(bytes)
  if (how === 'fin') connection.end()
  else connection.reset()
}

/** The body of a 200, if this kind of client takes it for whole. */
type Asks = (path: string) => Promise<string | undefined>

async function asked (t: Test, asks: Asks): Promise<void> {
  const looksWhole: string[] = []
  for (let from = 0; from < CUTS.length; from += AT_ONCE) {
    await Promise.all(CUTS.slice(from, from + AT_ONCE).map(async ({ path, name }) => { if (await asks(path) !== undefined) looksWhole.push(name) }))
  }
  t.same(looksWhole, [], `${CUTS.length} cuts`)
  for (const { path, name } of WHOLE) t.equal(await asks(path), 'hello', `${name} is whole`)
}

async function overHttp1 (t: Test, version: string): Promise<Asks> {
  const { port } = await gatewayFor(t, { routes: [{ upstream: (await backendFor(t, script)).url }] })
  return async path => {
    const client = await rawClient(port)
    client.write(`GET ${path} HTTP/${version}\r\nHost: a\r\n\r\n`)
    const response = await client.response().catch(() => undefined)
    client.destroy()
    return response?.status === 200 && response.complete ? response.body.toString() : undefined
  }
}

async function overHttp2 (t: Test): Promise<Asks> {
  const backend: Backend = await backendFor(t, script)
  const app = Fastify({ http2: true })
  t.teardown(() => app.close())
  await app.register(gateway, { pressure: false, drain: { deadline: 200 } })
  await app.register(proxy, { upstream: backend.url })
  const session: ClientHttp2Session = connect(await app.listen({ port: 0, host: '127.0.0.1' }))
  session.on('error', () => {})
  t.teardown(() => session.destroy())
  return async path => await new Promise(resolve => {
    const stream = session.request({ ':path': path })
    let status = 0
    let text = ''
    stream.on('response', head => { status = head[':status'] ?? 0 })
    stream.on('error', () => {}).on('data', (chunk: Buffer) => { text += chunk.toString() })
    // A client takes an end without an error for the end of the body.
    stream.once('close', () => resolve(status === 200 && stream.rstCode === 0 ? text : undefined))
  })
}

async function byInject (t: Test): Promise<Asks> {
  const { app } = await gatewayFor(t, { routes: [{ upstream: (await backendFor(t, script)).url }] })
  return async path => await app.inject(path).then(({ statusCode, body }) => statusCode === 200 ? body : undefined, () => undefined)
}

t.test('a response that is cut anywhere is not whole to an HTTP/1.1 client', async t => asked(t, await overHttp1(t, '1.1')))
t.test('a response that is cut anywhere is not whole to an HTTP/1.0 client', async t => asked(t, await overHttp1(t, '1.0')))
t.test('a response that is cut anywhere is not whole to an HTTP/2 client', async t => asked(t, await overHttp2(t)))
t.test('a response that is cut anywhere is not whole to app.inject()', async t => asked(t, await byInject(t)))

t.test('a response that is cut anywhere is not whole to undici\'s request over a target', async t => {
  const { backend, target } = await targetFor(t, script)
  await asked(t, async path => {
    try {
      const { statusCode, body } = await undiciRequest(`${backend.url}${path}`, { dispatcher: target })
      const text = await body.text()
      return statusCode === 200 ? text : undefined
    } catch {
      return undefined
    }
  })
})

t.test('a response that is cut anywhere is not whole to fetch over a target', async t => {
  const { backend, target } = await targetFor(t, script)
  await asked(t, async path => {
    try {
      const response = await undiciFetch(`${backend.url}${path}`, { dispatcher: target })
      const text = await response.text()
      return response.status === 200 ? text : undefined
    } catch {
      return undefined
    }
  })
})
