// What src/quirks/node-stream.ts relies on of node:stream, asked of Node alone.
import { PassThrough, Readable, Writable } from 'node:stream'
import t from 'tap'

type WithState = Readable & { readonly _readableState: { readonly ended: boolean, readonly pipes: readonly unknown[] } }

const turn = async (): Promise<void> => await new Promise(resolve => setImmediate(resolve))

t.test('the state of a stream says whether its source has ended, before its end is read', async t => {
  const stream = new Readable({ read () {} }) as WithState
  stream.push('text')
  t.equal(stream._readableState.ended, false)
  stream.push(null)
  t.equal(stream._readableState.ended, true)
  t.equal(stream.readableEnded, false)
  t.equal(stream.readableLength, 4)
})

t.test('read(0) of a stream whose source is here has it end at once, and takes nothing of it', async t => {
  const stream = new Readable({
    read () {
      this.push('text')
      this.push(null)
    }
  }) as WithState
  stream.read(0)
  t.equal(stream._readableState.ended, true)
  t.equal(stream.readableLength, 4)
})

t.test('the state of a stream lists what it is piped into, one after another', async t => {
  const stream = new Readable({ read () {} }) as WithState
  const [one, two] = [new PassThrough(), new Writable({ write (_chunk, _encoding, done) { done() } })]
  t.strictSame([...stream._readableState.pipes], [])
  stream.pipe(one).pipe(two)
  stream.pipe(two)
  t.ok(stream._readableState.pipes.length === 2 && stream._readableState.pipes[0] === one && stream._readableState.pipes[1] === two)
  stream.unpipe(one)
  t.ok(stream._readableState.pipes.length === 1 && stream._readableState.pipes[0] === two)
})

t.test('a pipe passes no failure on, and lists what it went into still', async t => {
  const stream = new Readable({ read () {} }) as WithState
  const behind = new PassThrough()
  stream.on('error', () => {}).pipe(behind)
  stream.destroy(new Error('failed'))
  await turn()
  t.equal(behind.destroyed, false)
  t.ok(stream._readableState.pipes[0] === behind)
})
