import t from 'tap'
import { JsonLines } from '../../src/discovery/kubernetes/json-lines.js'

const TEXT = '{"a":"größer"}\n\n{"b":2}\r\n{"c":3}\n{"cut'
const LINES = ['{"a":"größer"}', '{"b":2}', '{"c":3}']

t.test('lines are whole wherever their bytes are split', async t => {
  const bytes = Buffer.from(TEXT)
  for (let first = 0; first <= bytes.length; first++) {
    for (let second = first; second <= bytes.length; second++) {
      const lines = new JsonLines()
      const read = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)].flatMap(piece => lines.push(piece))
      if (read.join() !== LINES.join()) t.fail(`split at ${first} and ${second}: ${read.join()}`)
    }
  }
  const lines = new JsonLines()
  t.same([...bytes].flatMap(byte => lines.push(Buffer.from([byte]))), LINES, 'byte by byte')
})

t.test('a line without an end is refused before it fills the memory', async t => {
  const lines = new JsonLines()
  t.throws(() => { for (let n = 0; n < 100; n++) lines.push(Buffer.alloc(1024 * 1024, 'x')) }, RangeError)
})
