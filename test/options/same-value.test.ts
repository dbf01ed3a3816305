import { createSecureContext } from 'node:tls'
import t from 'tap'
import { sameValue } from '../../src/options/same-value.js'

class Thing { readonly name = 'x' }

t.test('plain data is compared by value', async t => {
  for (const make of [
    () => 1, () => NaN, () => 'x', () => null, () => undefined, () => [], () => ({}), () => ['a', ['b']], () => ({ a: { b: [1] } }), () => Buffer.from('abc'),
    () => ({ ca: [Buffer.from('a'), 'b'], pfx: [{ buf: Buffer.from('p'), passphrase: 'x' }] }), () => Object.assign(Object.create(null) as object, { a: 1 })
  ]) t.ok(sameValue(make(), make()), String(make))
  t.ok(sameValue({ a: 1, b: undefined }, { a: 1 }), 'undefined is not given')
  t.ok(sameValue(Buffer.from('abcd').subarray(1, 3), Buffer.from('bc')))
  t.ok(sameValue({ a: 1, b: 2 }, { b: 2, a: 1 }))
})

t.test('different plain data is not the same', async t => {
  const rows: [unknown, unknown][] = [
    [1, 2], [1, '1'], [0, -0], [null, undefined], [null, {}], [[], {}], [{}, []], [[1], [1, 2]], [{ a: 1 }, { a: 2 }], [{ a: 1 }, { b: 1 }], [{ a: 1 }, {}], [{ a: undefined, b: 1 }, { a: 1 }],
    [Buffer.from('a'), Buffer.from('b')], [Buffer.from('a'), 'a'], ['a', Buffer.from('a')], [Buffer.from(''), {}], [{ a: [{ b: 1 }] }, { a: [{ b: 2 }] }], [{ 0: 1 }, [1]]
  ]
  for (const [a, b] of rows) t.notOk(sameValue(a, b))
})

t.test('other objects are compared by identity', async t => {
  for (const make of [() => createSecureContext({}), () => () => {}, () => new Thing(), () => new Map(), () => new Date(0), () => new URL('http://a'), () => /x/, () => Symbol('x')]) {
    const value = make()
    t.ok(sameValue({ value }, { value }), String(make))
    t.notOk(sameValue({ value }, { value: make() }), String(make))
  }
  t.notOk(sameValue(new Thing(), { name: 'x' }))
})
