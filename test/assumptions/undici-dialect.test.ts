// What src/quirks/undici-dialect.ts relies on of undici's dispatch handlers, asked of undici alone, and of the fetch of Node's own copy.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import type { Test } from 'tap'
import { Agent, Client, Dispatcher, fetch as fetchOfPackage } from 'undici'

type Handler = Dispatcher.DispatchHandler

/** A backend that reads the body and answers with a trailer. */
async function backend (t: Test): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { trailer: 'x-last', 'content-type': 'text/plain' })
      response.write('text')
      response.addTrailers({ 'x-last': 'yes' })
      response.end()
    })
  }).listen(0, '127.0.0.1')
  t.teardown(() => { server.close().closeAllConnections() })
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** What a client of undici tells a handler of the older dialect. */
async function told (t: Test, body: Buffer): Promise<unknown[][]> {
  const client = new Client(await backend(t))
  t.teardown(() => client.destroy())
  const calls: unknown[][] = []
  const note = (name: string) => (...given: unknown[]): unknown => {
    calls.push([name, ...given])
    return true
  }
  await new Promise<void>((resolve, reject) => {
    const handler = {
      onConnect: note('onConnect'),
      onBodySent: note('onBodySent'),
      onRequestSent: note('onRequestSent'),
      onResponseStarted: note('onResponseStarted'),
      onHeaders: note('onHeaders'),
      onData: note('onData'),
      onComplete: (...given: unknown[]) => {
        note('onComplete')(...given)
        resolve()
      },
      onError: reject
    }
    client.dispatch({ path: '/', method: 'POST', body }, handler as unknown as Handler)
  })
  return calls
}

t.test('a handler of the older dialect is told of the pieces of the body, of its end, and of the trailers as bytes', async t => {
  const body = Buffer.from('body')
  const calls = await told(t, body)
  const wanted = ['onConnect', 'onBodySent', 'onRequestSent', 'onResponseStarted', 'onHeaders', 'onData', 'onComplete']
  t.same(calls.map(([name]) => name), wanted)
  t.strictSame(calls.find(([name]) => name === 'onBodySent'), ['onBodySent', body])
  t.strictSame(calls.find(([name]) => name === 'onRequestSent'), ['onRequestSent'])
  t.strictSame(calls.find(([name]) => name === 'onComplete'), ['onComplete', [Buffer.from('x-last'), Buffer.from('yes')]])
})

t.test('a handler with onRequestStart is given to by the newer dialect alone', async t => {
  const client = new Client(await backend(t))
  t.teardown(() => client.destroy())
  const calls: string[] = []
  const note = (name: string) => (): boolean => {
    calls.push(name)
    return true
  }
  await new Promise<void>((resolve, reject) => {
    client.dispatch({ path: '/', method: 'GET' }, {
      onRequestStart: note('onRequestStart'),
      onResponseStart: note('onResponseStart'),
      onResponseData: note('onResponseData'),
      onResponseEnd: () => {
        calls.push('onResponseEnd')
        resolve()
      },
      onResponseError: (_controller: unknown, error: Error) => reject(error),
      onConnect: note('onConnect'),
      onHeaders: note('onHeaders'),
      onData: note('onData'),
      onComplete: note('onComplete')
    } as unknown as Handler)
  })
  t.strictSame(calls, ['onRequestStart', 'onResponseStart', 'onResponseData', 'onResponseEnd'])
})

/** Hands a request on, and keeps its handler. */
class Keeping extends Dispatcher {
  readonly handlers: Handler[] = []
  readonly #agent = new Agent()

  override dispatch (options: Dispatcher.DispatchOptions, handler: Handler): boolean {
    this.handlers.push(handler)
    return this.#agent.dispatch(options as Agent.DispatchOptions, handler)
  }

  override async close (): Promise<void> { await this.#agent.close() }
  override async destroy (): Promise<void> { await this.#agent.destroy() }
}

t.test('handlers of request() and of both fetches speak one of the dialects', async t => {
  const url = await backend(t)
  const keeping = new Keeping()
  t.teardown(() => keeping.close())
  await (await keeping.request({ origin: url, path: '/', method: 'GET' })).body.text()
  await (await fetchOfPackage(url, { dispatcher: keeping })).text()
  await (await fetch(url, { dispatcher: keeping } as unknown as RequestInit)).text()
  t.equal(keeping.handlers.length, 3)
  for (const handler of keeping.handlers) {
    const names = handler.onRequestStart === undefined
      ? ['onConnect', 'onHeaders', 'onData', 'onComplete', 'onError']
      : ['onRequestStart', 'onResponseStart', 'onResponseData', 'onResponseEnd', 'onResponseError']
    for (const name of names) t.type((handler as Record<string, unknown>)[name], 'function', name)
  }
})
