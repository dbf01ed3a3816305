// Rules that our parser adds to llhttp: input that llhttp accepts and a gateway must not, and fields that must not count for the
// connection.
import { CHUNKED, OK, head } from './case.js'
import type { CorpusCase } from './case.js'

const refused = (name: string, text: string): CorpusCase => ({ name, text, end: 'fin', is: 'refused' })

const statuses: CorpusCase[] = [
  ...['000', '099', '600', '700', '999'].map(status => refused(`a status of ${status}`, `${head(`HTTP/1.1 ${status} Odd`, 'Content-Length: 5')}hello`)),
  ...['20', '2000', 'abc', '+20', '2 0'].map(status => refused(`a status of ${JSON.stringify(status)}`, `${head(`HTTP/1.1 ${status} Odd`, 'Content-Length: 5')}hello`)),
  ...[200, 205, 299, 302, 404, 499, 500, 599].map((status): CorpusCase => ({ name: `a status of ${status}`, text: `${head(`HTTP/1.1 ${status} Any`, 'Content-Length: 5')}hello`, is: { status, body: 'hello' } })),
  { name: 'an unsolicited 100 is swallowed', text: `HTTP/1.1 100 Continue\r\n\r\n${head(OK, 'Content-Length: 5')}hello`, is: { status: 200, body: 'hello', keepAlive: true } },
  { name: 'a 1xx with a length has no body', text: `${head('HTTP/1.1 103 Early Hints', 'Link: </a>')}${head(OK, 'Content-Length: 5')}hello`, is: { status: 200, body: 'hello' } },
  { name: 'a 1xx and no more', text: head('HTTP/1.1 102 Processing'), is: 'waits' },
  refused('a 1xx and a FIN', head('HTTP/1.1 102 Processing')),
  refused('129 of 102', head('HTTP/1.1 102 Processing').repeat(129) + head(OK, 'Content-Length: 0'))
]

const bytes: CorpusCase[] = [
  ...['\0', '\x01', '\b', '\v', '\f', '\x1f', '\x7f'].map(byte => refused(`${JSON.stringify(byte)} in a value`, head(OK, 'Content-Length: 0', `x-a: 1${byte}2`))),
  ...['\0', '\x01', '(', ')', '/', '"', '@', '[', '{', '\x7f', '\x80', '\xff'].map(byte => refused(`${JSON.stringify(byte)} in a name`, head(OK, 'Content-Length: 0', `x${byte}a: 1`))),
  { name: 'bytes above ASCII in a value', text: head(OK, 'Content-Length: 0', 'x-a: \x80\xe9\xff'), is: { status: 200 } },
  { name: 'a tab in a value', text: head(OK, 'Content-Length: 0', 'x-a: 1\t2'), is: { status: 200 } },
  { name: 'a body of all bytes', text: `${head(OK, 'Content-Length: 256')}${String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i))}`, is: { status: 200, body: String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i)) } },
  refused('TLS', '\x15\x03\x01\0\x02\x02F'),
  refused('a preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  refused('a request', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
]

const sizes: CorpusCase[] = [
  refused('a value of 100 000 bytes', head(OK, 'Content-Length: 0', `x-a: ${'a'.repeat(100_000)}`)),
  refused('a reason of 40 000 bytes', head(`HTTP/1.1 200 ${'a'.repeat(40_000)}`, 'Content-Length: 0')),
  refused('40 000 blank lines in front', '\r\n'.repeat(40_000) + head(OK, 'Content-Length: 0')),
  refused('40 000 spaces in front of a value', head(OK, 'Content-Length: 0', `x-a:${' '.repeat(40_000)}1`)),
  refused('1 001 lines', head(OK, 'Content-Length: 0', ...Array.from({ length: 1_000 }, () => 'a: b'))),
  { name: '1 000 lines', text: head(OK, 'Content-Length: 0', ...Array.from({ length: 999 }, () => 'a: b')), is: { status: 200 } },
  refused('a chunk extension of 40 000 bytes', `${head(OK, CHUNKED)}5;a=${'b'.repeat(40_000)}\r\nhello\r\n0\r\n\r\n`),
  refused('a trailer of 40 000 bytes', `${head(OK, CHUNKED)}5\r\nhello\r\n0\r\nx-a: ${'b'.repeat(40_000)}\r\n\r\n`)
]

const connections: CorpusCase[] = [
  { name: 'HTTP/1.0 with Proxy-Connection: keep-alive is not kept', text: `${head('HTTP/1.0 200 OK', 'Content-Length: 5', 'Proxy-Connection: keep-alive')}hello`, is: { status: 200, body: 'hello', keepAlive: false } },
  ...['Connection: close', 'Connection: keep-alive', 'Transfer-Encoding: chunked', 'Content-Length: 5'].map((line): CorpusCase =>
    ({ name: `a trailer of ${line} ends the connection`, either: line.startsWith('Content'), text: `${head(OK, CHUNKED)}5\r\nhello\r\n0\r\n${line}\r\n\r\n`, is: { status: 200, body: 'hello', keepAlive: false } })),
  { name: 'equal Content-Lengths', text: `${head(OK, 'Content-Length: 5', 'Content-Length: 5')}hello`, is: 'refused' },
  { name: 'a list of equal Content-Lengths', text: `${head(OK, 'Content-Length: 5, 5')}hello`, is: 'refused' },
  { name: 'an odd coding of a 304 is not used', text: head('HTTP/1.1 304 Not Modified', 'ETag: "1"'), is: { status: 304, keepAlive: true } }
]

export const rules: readonly CorpusCase[] = [...statuses, ...bytes, ...sizes, ...connections]
