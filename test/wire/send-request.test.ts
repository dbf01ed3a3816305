import { PassThrough, Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { HeldBody } from '../../src/wire/held-body.js'
import { StreamedBody } from '../../src/wire/streamed-body.js'
import type { RequestBodyOwner, RequestOutput } from '../../src/wire/http1/request-body.js'
import { framingOf, sendRequest } from '../../src/wire/http1/send-request.js'
import type { SentBody } from '../../src/wire/http1/send-request.js'

/** Records what a socket would get, and in how many writes. */
class Output implements RequestOutput {
  text = ''
  writes = 0
  takesMore = true
  #corked = 0
  #pending = false

  write (data: string | Uint8Array): boolean {
    this.text += typeof data === 'string' ? data : Buffer.from(data).toString('latin1')
    if (this.#corked === 0) this.writes++
    else this.#pending = true
    return this.takesMore
  }

  cork (): void { this.#corked++ }

  uncork (): void {
    if (--this.#corked > 0 || !this.#pending) return
    this.#pending = false
    this.writes++
  }
}

class Owner implements RequestBodyOwner {
  sent = 0
  ended = 0
  errors: Error[] = []
  /** Settles when it ends or fails. */
  readonly over: Promise<void>
  #settle!: () => void

  constructor () { this.over = new Promise(resolve => { this.#settle = resolve }) }
  bodyWritten ({ length }: Uint8Array): void { this.sent += length }
  requestWritten (): void { this.ended++; this.#settle() }
  bodyFailed (error: Error): void { this.errors.push(error); this.#settle() }
}

const HEAD = 'POST / HTTP/1.1\r\n\r\n'

function send (body: SentBody, length?: number): { output: Output, owner: Owner, source: ReturnType<typeof sendRequest> } {
  const output = new Output()
  const owner = new Owner()
  const source = sendRequest(output, HEAD, body, framingOf('POST', body, length), owner)
  return { output, owner, source }
}

t.test('a body that is held is sent with its head in one write', async t => {
  for (const size of [1, 1_024, 1_025, 8_192, 8_193, 300_000]) {
    const text = 'x'.repeat(size)
    for (const body of [text, Buffer.from(text), new Uint8Array(Buffer.from(text)), new HeldBody([Buffer.from(text.slice(0, 1)), Buffer.from(text.slice(1))], size)]) {
      const { output, owner } = send(body)
      t.equal(output.text, HEAD + text)
      t.equal(output.writes, 1)
      t.match(owner, { sent: size, ended: 1, errors: [] })
    }
  }
})

t.test('without a body only the head is written', async t => {
  for (const body of [null, '', Buffer.alloc(0)]) {
    const { output, owner } = send(body)
    t.equal(output.text, HEAD)
    t.match(owner, { sent: 0, ended: 1, errors: [] })
  }
})

t.test('an empty body has Content-Length: 0 for methods that usually have a body', async t => {
  t.equal(framingOf('POST', null, undefined), 0)
  t.equal(framingOf('PATCH', '', undefined), 0)
  t.equal(framingOf('GET', null, undefined), undefined)
  t.equal(framingOf('DELETE', Buffer.alloc(0), undefined), undefined)
  t.equal(framingOf('GET', 'é', undefined), 2)
  t.equal(framingOf('POST', Readable.from([]), 7), 7)
  t.equal(framingOf('POST', Readable.from([]), undefined), 'chunked')
})

t.test('a stream of unknown length is sent in chunks, each in one write', async t => {
  const source = new PassThrough()
  const { output, owner } = send(source)
  source.write('hello')
  await turn()
  t.equal(output.text, `${HEAD}5\r\nhello\r\n`)
  const { writes } = output
  source.write('w'.repeat(20_000))
  await turn()
  t.equal(output.text.slice(-20_000 - 8), `4e20\r\n${'w'.repeat(20_000)}\r\n`)
  t.equal(output.writes, writes + 1)
  source.end()
  await owner.over
  t.ok(output.text.endsWith('\r\n0\r\n\r\n'))
  t.match(owner, { sent: 20_005, ended: 1, errors: [] })
})

t.test('the first piece of a stream is sent with the head in one write if it is available', async t => {
  const { output } = send(new StreamedBody([Buffer.from('here')], 1_000, () => {}))
  await turn()
  t.equal(output.text, `${HEAD}4\r\nhere\r\n`)
  t.equal(output.writes, 1)
})

t.test('the head does not wait for a stream that has no data yet', async t => {
  const { output } = send(new PassThrough())
  await turn()
  t.equal(output.text, HEAD)
  t.equal(output.writes, 1)
})

t.test('a stream of a declared length is sent without chunks', async t => {
  const { output, owner } = send(Readable.from([Buffer.from('ab'), 'cd', Buffer.alloc(0)]), 4)
  await owner.over
  t.equal(output.text, `${HEAD}abcd`)
  t.match(owner, { sent: 4, ended: 1, errors: [] })
})

t.test('a stream that is longer than declared sends no byte beyond the length', async t => {
  const source = Readable.from([Buffer.from('abc'), Buffer.from('def')])
  const { output, owner } = send(source, 4)
  await owner.over
  t.equal(output.text, `${HEAD}abc`)
  t.match(owner, { ended: 0, errors: [{ code: 'HOLDFAST_ERR_UNSENDABLE' }] })
})

t.test('a stream that is shorter than declared fails', async t => {
  const { owner } = send(Readable.from([Buffer.from('abc')]), 4)
  await owner.over
  t.match(owner, { ended: 0, errors: [{ code: 'HOLDFAST_ERR_UNSENDABLE' }] })
})

t.test('a stream of objects fails', async t => {
  const { output, owner } = send(Readable.from([{ a: 1 }]))
  await owner.over
  t.equal(output.text, HEAD)
  t.match(owner, { ended: 0, errors: [{ code: 'HOLDFAST_ERR_UNSENDABLE' }] })
})

t.test('a stream that fails, and one that is destroyed, never get a last chunk', async t => {
  for (const error of [new Error('broken'), undefined]) {
    const source = new PassThrough()
    const { output, owner } = send(source)
    source.write('abc')
    await turn()
    source.destroy(error)
    await owner.over
    t.equal(output.text, `${HEAD}3\r\nabc\r\n`)
    t.equal(owner.ended, 0)
    t.match(owner.errors, [error ?? { message: /destroyed before its end/ }])
  }
})

t.test('a stream that failed, ended or was destroyed before it is sent is reported', async t => {
  const failed = new PassThrough().on('error', () => {})
  failed.destroy(new Error('broken'))
  const gone = new PassThrough()
  gone.destroy()
  const ended = Readable.from([])
  ended.resume()
  await Promise.all([failed, gone, ended].map(async stream => { if (!stream.closed) await new Promise(resolve => stream.once('close', resolve)) }))
  const outcomes = await Promise.all([failed, gone, ended].map(async stream => {
    const { output, owner } = send(stream)
    t.equal(owner.ended + owner.errors.length, 0, 'not before its owner has it')
    await owner.over
    return { text: output.text, ended: owner.ended, errors: owner.errors.map(({ message }) => message) }
  }))
  t.match(outcomes, [
    { text: HEAD, ended: 0, errors: ['broken'] },
    { text: HEAD, ended: 0, errors: [/destroyed/] },
    { text: `${HEAD}0\r\n\r\n`, ended: 1, errors: [] }
  ])
})

t.test('a full socket pauses the stream until it drains', async t => {
  const source = new PassThrough()
  const { output, owner, source: body } = send(source)
  output.takesMore = false
  source.write('a')
  await turn()
  source.write('b')
  await turn()
  t.equal(output.text, `${HEAD}1\r\na\r\n`)
  output.takesMore = true
  body!.drained()
  source.end()
  await owner.over
  t.equal(output.text, `${HEAD}1\r\na\r\n1\r\nb\r\n0\r\n\r\n`)
})

t.test('an abandoned stream is destroyed, writes no more and reports nothing', async t => {
  const source = new PassThrough()
  const { output, owner, source: body } = send(source)
  source.write('a')
  await turn()
  body!.abandon()
  body!.drained()
  t.ok(source.destroyed)
  source.emit('error', new Error('late'))
  await turn()
  t.equal(output.text, `${HEAD}1\r\na\r\n`)
  t.match(owner, { ended: 0, errors: [] })
})
