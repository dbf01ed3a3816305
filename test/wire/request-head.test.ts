import t from 'tap'
import { HoldfastError } from '../../src/errors.js'
import { RequestHeads } from '../../src/wire/http1/request-head.js'
import type { RequestFraming, RequestHeadParts } from '../../src/wire/http1/request-head.js'

const heads = new RequestHeads('users.example:8080')

function encode (parts: Partial<RequestHeadParts> = {}, framing: RequestFraming = undefined, keep = true): string {
  return heads.encode({ method: 'GET', path: '/', headers: [], upgrade: undefined, ...parts }, framing, keep)
}

t.test('a head has the request line, Host, Connection, and the headers unchanged', async t => {
  t.equal(encode({ path: '/a?b=c', headers: ['X-One', '1', 'accept', '*/*', 'X-One', '2'] }),
    'GET /a?b=c HTTP/1.1\r\nhost: users.example:8080\r\nconnection: keep-alive\r\nX-One: 1\r\naccept: */*\r\nX-One: 2\r\n\r\n')
  t.equal(encode({}, undefined, false), 'GET / HTTP/1.1\r\nhost: users.example:8080\r\nconnection: close\r\n\r\n')
})

t.test('the framing header is the last line', async t => {
  t.match(encode({ method: 'POST', headers: ['a', 'b'] }, 5), /a: b\r\ncontent-length: 5\r\n\r\n$/)
  t.match(encode({ method: 'POST' }, 0), /keep-alive\r\ncontent-length: 0\r\n\r\n$/)
  t.match(encode({ method: 'POST' }, 'chunked'), /keep-alive\r\ntransfer-encoding: chunked\r\n\r\n$/)
})

t.test('the request\'s host replaces the origin\'s', async t => {
  t.equal(encode({ headers: ['a', 'b', 'Host', 'other.example'] }), 'GET / HTTP/1.1\r\nhost: other.example\r\nconnection: keep-alive\r\na: b\r\n\r\n')
})

t.test('an upgrade says so in both of its headers', async t => {
  t.equal(encode({ upgrade: 'websocket' }), 'GET / HTTP/1.1\r\nhost: users.example:8080\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
})

t.test('bytes above ASCII are sent unchanged', async t => {
  t.match(encode({ headers: ['x', 'caf\u00e9\t\u00ff'] }), 'x: caf\u00e9\t\u00ff\r\n')
})

t.test('an empty value is sent', async t => {
  t.match(encode({ headers: ['x', ''] }), '\r\nx: \r\n')
})

const UNSENDABLE: Array<[string, Partial<RequestHeadParts>]> = [
  ['a line break in a value', { headers: ['x', 'a\r\nevil: b'] }],
  ['a bare LF in a value', { headers: ['x', 'a\nevil: b'] }],
  ['a bare CR in a value', { headers: ['x', 'a\rb'] }],
  ['NUL in a value', { headers: ['x', 'a\0b'] }],
  ['DEL in a value', { headers: ['x', 'a\x7fb'] }],
  ['what is no byte in a value', { headers: ['x', '\u010a'] }],
  ['a line break in a name', { headers: ['x\r\nevil', 'b'] }],
  ['a colon in a name', { headers: ['x:y', 'b'] }],
  ['a space in a name', { headers: ['x y', 'b'] }],
  ['an empty name', { headers: ['', 'b'] }],
  ['a line break in the host', { headers: ['host', 'a\r\nevil: b'] }],
  ['two hosts', { headers: ['host', 'a', 'Host', 'b'] }],
  ['a second length', { headers: ['Content-Length', '5'] }],
  ['a second framing', { headers: ['transfer-encoding', 'chunked'] }],
  ['a second Connection', { headers: ['connection', 'close'] }],
  ['an Upgrade', { headers: ['UPGRADE', 'h2c'] }],
  ['a Keep-Alive', { headers: ['keep-alive', '300'] }],
  ['an Expect', { headers: ['expect', '100-continue'] }],
  ['a line break in the protocol of an upgrade', { upgrade: 'a\r\nb' }],
  ['a space in the path', { path: '/a b' }],
  ['a line break in the path', { path: '/a\r\nb' }],
  ['what is no byte in the path', { path: '/\u0120' }],
  ['no path', { path: '' }],
  ['a space in the method', { method: 'GET /evil' }],
  ['no method', { method: '' }]
]

for (const [what, parts] of UNSENDABLE) {
  t.test(`${what} is not sent`, async t => {
    // Twice, since a refused value must not be remembered as valid.
    for (let n = 0; n < 2; n++) {
      let thrown: unknown
      try {
        encode(parts)
      } catch (error) {
        thrown = error
      }
      t.ok(thrown instanceof HoldfastError && thrown.code === 'HOLDFAST_ERR_UNSENDABLE')
    }
  })
}

t.test('names beyond the remembered ones are still checked', async t => {
  for (let n = 0; n < 2_100; n++) t.match(encode({ headers: [`x-${n}`, 'v'] }), `x-${n}: v`)
  t.throws(() => encode({ headers: ['content-length', '1'] }), { code: 'HOLDFAST_ERR_UNSENDABLE' })
})
