// RFC 9112's examples and rules for the framing of a response, by section.
import { CHUNKED, OK, head } from './case.js'
import type { CorpusCase } from './case.js'

const HELLO_WORLD = 'Hello World! My content includes a trailing CRLF.\r\n'

const syntax: CorpusCase[] = [
  { name: 'the example of RFC 9110 section 3.9', text: `${head(OK, 'Date: Mon, 27 Jul 2009 12:28:53 GMT', 'Server: Apache', 'Last-Modified: Wed, 22 Jul 2009 19:15:56 GMT', 'ETag: "34aa387-d-1568eb00"', 'Accept-Ranges: bytes', 'Content-Length: 51', 'Vary: Accept-Encoding', 'Content-Type: text/plain')}${HELLO_WORLD}`, is: { status: 200, body: HELLO_WORLD, keepAlive: true } },
  { name: '2.2: a bare CR in a value', text: head(OK, 'Content-Length: 0', 'x-a: 1\r2'), is: 'refused' },
  { name: '2.3: the version is case-sensitive', text: head('http/1.1 200 OK', 'Content-Length: 0'), is: 'refused' },
  { name: '2.3: a minor version that is not known', text: head('HTTP/1.2 200 OK', 'Content-Length: 0'), is: 'refused' },
  { name: '4: an obs-text reason', text: head('HTTP/1.1 200 \x80\xff \t!', 'Content-Length: 0'), is: { status: 200 } },
  { name: '4: a control character in a reason', text: head('HTTP/1.1 200 O\x01K', 'Content-Length: 0'), is: 'refused' },
  { name: '5.1: white space in front of a colon', text: head(OK, 'Content-Length: 0', 'x-a : 1'), is: 'refused' },
  { name: '5.1: no name', text: head(OK, 'Content-Length: 0', ': 1'), is: 'refused' },
  { name: '5.1: no colon', text: head(OK, 'Content-Length: 0', 'x-a'), is: 'refused' },
  { name: '5.1: a colon in a value, and no white space', text: head(OK, 'Content-Length:0', 'x-a:::'), is: { status: 200 } },
  { name: '5.2: a folded field', text: head(OK, 'Content-Length: 0', 'x-a: 1\r\n 2'), is: 'refused' },
  { name: '5.2: a folded field, by a tab', text: head(OK, 'Content-Length: 0', 'x-a: 1\r\n\t2'), is: 'refused' }
]

const coding: CorpusCase[] = [
  { name: '6.1: Transfer-Encoding and Content-Length', text: `${head(OK, CHUNKED, 'Content-Length: 5')}5\r\nhello\r\n0\r\n\r\n`, is: 'refused' },
  { name: '6.1: Content-Length and Transfer-Encoding', text: `${head(OK, 'Content-Length: 5', CHUNKED)}5\r\nhello\r\n0\r\n\r\n`, is: 'refused' },
  { name: '6.1: the name of a coding is case-insensitive', text: `${head(OK, 'TRANSFER-ENCODING: ChUnKeD')}5\r\nhello\r\n0\r\n\r\n`, is: { status: 200, body: 'hello' } },
  { name: '6.1: gzip in front of chunked, which was not asked for', text: `${head(OK, 'Transfer-Encoding: gzip, chunked')}5\r\nhello\r\n0\r\n\r\n`, is: 'refused' },
  { name: '6.1: chunked twice', text: `${head(OK, 'Transfer-Encoding: chunked, chunked')}0\r\n\r\n`, is: 'refused' },
  { name: '6.1: chunked on two lines', text: `${head(OK, CHUNKED, CHUNKED)}0\r\n\r\n`, is: 'refused' },
  { name: '6.1: gzip alone', text: `${head(OK, 'Transfer-Encoding: gzip')}hello`, end: 'fin', is: 'refused' },
  { name: '6.1: a coding that is empty', text: `${head(OK, 'Transfer-Encoding:')}0\r\n\r\n`, end: 'fin', is: 'refused' },
  { name: '7.1: upper and lower case of a chunk size', text: `${head(OK, CHUNKED)}A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n`, is: { status: 200, body: '01234567890123456789' } },
  { name: '7.1: leading zeros of a chunk size, and a last chunk of several', text: `${head(OK, CHUNKED)}0005\r\nhello\r\n000\r\n\r\n`, is: { status: 200, body: 'hello' } },
  { name: '7.1: a chunk that is a last chunk to a careless reader', text: `${head(OK, CHUNKED)}5\r\n0\r\n\r\n\r\n0\r\n\r\n`, is: { status: 200, body: '0\r\n\r\n' } },
  { name: '7.1.2: trailers', text: `${head(OK, CHUNKED, 'Trailer: x-sum')}5\r\nhello\r\n0\r\nX-Sum: 1\r\nx-sum:\t2 \r\n\r\n`, is: { status: 200, body: 'hello', trailers: ['x-sum', '1', 'x-sum', '2'], keepAlive: true } },
  { name: '7.1: a chunk size that is none', text: `${head(OK, CHUNKED)}xyz\r\nhello\r\n0\r\n\r\n`, is: 'refused' },
  { name: '7.1: a chunk size with a sign', text: `${head(OK, CHUNKED)}+5\r\nhello\r\n0\r\n\r\n`, is: 'refused' },
  { name: '7.1: a chunk size with 0x', text: `${head(OK, CHUNKED)}0x5\r\nhello\r\n0\r\n\r\n`, is: 'refused' },
  { name: '7.1: a chunk size that is empty', text: `${head(OK, CHUNKED)}\r\nhello\r\n0\r\n\r\n`, is: 'refused' },
  { name: '7.1: a chunk size beyond all bounds', text: `${head(OK, CHUNKED)}fffffffffffffffff\r\nhello\r\n`, is: 'refused' },
  { name: '7.1: a chunk longer than it says', text: `${head(OK, CHUNKED)}3\r\nhello\r\n0\r\n\r\n`, is: 'refused' },
  { name: '7.1: a chunk that ends with LF', text: `${head(OK, CHUNKED)}5\r\nhello\n0\r\n\r\n`, is: 'refused' },
  { name: '7.1: a chunk size that ends with LF', text: `${head(OK, CHUNKED)}5\nhello\r\n0\r\n\r\n`, is: 'refused' },
  { name: '7.1.1: a line end in the value of an extension', text: `${head(OK, CHUNKED)}5;a="\nb"\r\nhello\r\n0\r\n\r\n`, is: 'refused' },
  { name: '7.1.2: a folded trailer', text: `${head(OK, CHUNKED)}0\r\nx-a: 1\r\n 2\r\n\r\n`, is: 'refused' }
]

const length: CorpusCase[] = [
  { name: '6.3: HEAD has no body, whatever it says', asked: { method: 'HEAD' }, text: head(OK, CHUNKED), is: { status: 200, body: '', keepAlive: true } },
  { name: '6.3: 204 has no body, whatever it says', text: head('HTTP/1.1 204 No Content', 'Content-Length: 5'), is: { status: 204 } },
  { name: '6.3: 304 has no body, whatever it says', text: head('HTTP/1.1 304 Not Modified', 'Content-Length: 5'), is: { status: 304, keepAlive: true } },
  { name: '6.3: a 2xx to CONNECT is a tunnel, whatever it says', asked: { method: 'CONNECT' }, text: `${head(OK, 'Content-Length: 5')}tunnelled`, is: { status: 200, body: 'tunnelled', upgraded: true } },
  { name: '6.3: a 407 to CONNECT is a response', asked: { method: 'CONNECT' }, text: `${head('HTTP/1.1 407 Proxy Authentication Required', 'Content-Length: 5')}hello`, is: { status: 407, body: 'hello', upgraded: false } },
  ...['5, 6', '+5', '-5', '5a', 'five', '0x5', '5 5', '', '5;', '5.0', '99999999999999999999'].map((value): CorpusCase =>
    ({ name: `6.3: a Content-Length of ${JSON.stringify(value)}`, text: `${head(OK, `Content-Length: ${value}`)}hello`, end: 'fin', is: 'refused' })),
  { name: '6.3: Content-Lengths that differ', text: `${head(OK, 'Content-Length: 5', 'Content-Length: 6')}hello!`, is: 'refused' },
  { name: '6.3: a length that has not come', text: `${head(OK, 'Content-Length: 5')}hell`, is: 'waits' },
  { name: '6.3: a length that never comes', text: `${head(OK, 'Content-Length: 5')}hell`, end: 'fin', is: 'refused' },
  { name: '8: chunks without the last one', text: `${head(OK, CHUNKED)}5\r\nhello\r\n`, end: 'fin', is: 'refused' },
  { name: '8: the last chunk without its end', text: `${head(OK, CHUNKED)}5\r\nhello\r\n0\r\n`, end: 'fin', is: 'refused' },
  { name: '8: half a head', text: 'HTTP/1.1 200 OK\r\nContent-Le', end: 'fin', is: 'refused' },
  { name: '8: nothing', text: '', end: 'fin', is: 'refused' },
  { name: '9.3: close among other words', text: head(OK, 'Content-Length: 0', 'Connection: x-a, Close'), is: { status: 200, keepAlive: false } },
  { name: '9.3: HTTP/1.0 ends its connection', text: head('HTTP/1.0 200 OK', 'Content-Length: 0'), is: { status: 200, keepAlive: false } },
  { name: '9.3: HTTP/1.0 with keep-alive does not', text: head('HTTP/1.0 200 OK', 'Content-Length: 0', 'Connection: Keep-Alive'), is: { status: 200, keepAlive: true } }
]

export const rfc9112: readonly CorpusCase[] = [...syntax, ...coding, ...length]
