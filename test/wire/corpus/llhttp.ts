// llhttp's published tests of responses (nodejs/llhttp, test/response, 9.4) by their meaning, in strict mode and with our rules added.
import { CHUNKED, OK, head } from './case.js'
import type { CorpusCase } from './case.js'

const NEXT = 'HTTP/1.1 200 OK\r\n\r\n'

const connection: CorpusCase[] = [
  { name: 'Proxy-Connection: close says nothing', text: `${head(OK, 'Content-Type: text/html; charset=UTF-8', 'Content-Length: 11', 'Proxy-Connection: close', 'Date: Thu, 31 Dec 2009 20:55:48 +0000')}hello world`, is: { status: 200, body: 'hello world', keepAlive: true } },
  { name: 'HTTP/1.0 with keep-alive and no length goes on to the end', text: `${head('HTTP/1.0 200 OK', 'Connection: keep-alive')}HTTP/1.0 200 OK`, end: 'fin', is: { status: 200, body: 'HTTP/1.0 200 OK', keepAlive: false } },
  { name: 'HTTP/1.0 with keep-alive and no length, and no end', text: `${head('HTTP/1.0 200 OK', 'Connection: keep-alive')}HTTP/1.0 200 OK`, is: 'waits' },
  { name: 'HTTP/1.0 with keep-alive and 204', text: `${head('HTTP/1.0 204 No content', 'Connection: keep-alive')}HTTP/1.0 200 OK`, is: { status: 204 } },
  { name: 'HTTP/1.1 without a length goes on to the end', text: `${NEXT}HTTP/1.1 200 OK`, end: 'fin', is: { status: 200, body: 'HTTP/1.1 200 OK', keepAlive: false } },
  { name: 'HTTP/1.1 with 204', text: `${head('HTTP/1.1 204 No content')}${NEXT}`, is: { status: 204 } },
  { name: 'HTTP/1.1 with 204 and close', text: `${head('HTTP/1.1 204 No content', 'Connection: close')}${NEXT}`, is: { status: 204, keepAlive: false } },
  { name: 'what comes behind a length and close', text: `${head(OK, 'Content-Length: 5', 'Connection: close')}2ad731e3-4dcd-4f70-b871-0ad284b29ffc`, is: { status: 200, body: '2ad73', keepAlive: false } },
  { name: 'a 101 that was not asked for, with a length', text: `${head('HTTP/1.1 101 Switching Protocols', 'Connection: upgrade', 'Upgrade: h2c', 'Content-Length: 4')}bodyproto`, is: 'refused' },
  { name: 'a 101 that was asked for, with a length', asked: { method: 'GET', upgrade: true }, text: `${head('HTTP/1.1 101 Switching Protocols', 'Connection: upgrade', 'Upgrade: h2c', 'Content-Length: 4')}bodyproto`, is: { status: 101, body: 'bodyproto', upgraded: true } },
  { name: 'a 101 that was asked for, with a coding', asked: { method: 'GET', upgrade: true }, text: `${head('HTTP/1.1 101 Switching Protocols', 'Connection: upgrade', 'Upgrade: h2c', CHUNKED)}2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\nproto`, is: { status: 101, body: '2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\nproto', upgraded: true } },
  { name: '200 with Upgrade', text: `${head(OK, 'Connection: upgrade', 'Upgrade: h2c')}body`, end: 'fin', is: { status: 200, body: 'body' } },
  { name: '200 with Upgrade and a length', text: `${head(OK, 'Connection: upgrade', 'Upgrade: h2c', 'Content-Length: 4')}body`, is: { status: 200, body: 'body', keepAlive: true } },
  { name: '200 with Upgrade and a coding', text: `${head(OK, 'Connection: upgrade', 'Upgrade: h2c', CHUNKED)}2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n`, is: { status: 200, body: 'body' } },
  { name: '304 with a length', text: `${head('HTTP/1.1 304 Not Modified', 'Content-Length: 10')}${head(OK, 'Content-Length: 5')}hello`, is: { status: 304 } },
  { name: '304 with a coding', text: `${head('HTTP/1.1 304 Not Modified', CHUNKED)}${head(OK, CHUNKED)}5\r\nhello\r\n0\r\n\r\n`, is: { status: 304 } },
  { name: '100, blank lines, and 404', text: `HTTP/1.1 100 Continue\r\n\r\n\r\n${head('HTTP/1.1 404 Not Found', 'Content-Type: text/plain; charset=utf-8', 'Content-Length: 14', 'Date: Fri, 15 Sep 2023 19:47:23 GMT', 'Server: Python/3.10 aiohttp/4.0.0a2.dev0')}404: Not Found`, is: { status: 404, body: '404: Not Found' } },
  { name: '103 and 200', text: `${head('HTTP/1.1 103 Early Hints', 'Link: </styles.css>; rel=preload; as=style')}${head(OK, 'Date: Wed, 13 Sep 2023 11:09:41 GMT', 'Connection: keep-alive', 'Keep-Alive: timeout=5', 'Content-Length: 16')}response content`, is: { status: 200, body: 'response content', keepAlive: true } }
]

const length: CorpusCase[] = [
  { name: 'no length and close', text: `${head(OK, 'Date: Tue, 04 Aug 2009 07:59:32 GMT', 'Server: Apache', 'X-Powered-By: Servlet/2.5 JSP/2.1', 'Content-Type: text/xml; charset=utf-8', 'Connection: close')}<?xml version="1.0"?>\n<a/>`, end: 'fin', is: { status: 200, body: '<?xml version="1.0"?>\n<a/>', keepAlive: false } },
  { name: 'Content-Length-X is another field', text: `${head(OK, 'Content-Length-X: 0', CHUNKED)}2\r\nOK\r\n0\r\n\r\n`, is: { status: 200, body: 'OK' } },
  { name: 'a HEAD with a length', asked: { method: 'HEAD' }, text: head(OK, 'Content-Length: 123') + head(OK, 'Content-Length: 456'), is: { status: 200 } },
  { name: 'tabs around a length', either: true, text: `${head(OK, 'Content-Length:\t42\t')}${'a'.repeat(42)}`, is: { status: 200, body: 'a'.repeat(42) } },
  { name: 'a FIN behind a head without a length', text: NEXT, end: 'fin', is: { status: 200, body: '' } }
]

const invalid: CorpusCase[] = [
  ...['HTP/1.1 200 OK', 'HTTP/01.1 200 OK', 'HTTP/11.1 200 OK', 'HTTP/1.01 200 OK', 'HTTP/1.1\t200 OK', '\rHTTP/1.1\t200 OK', 'HTTP/5.6 200 OK', 'HTTP/1.1  200 OK', 'HTTP/1.1 2 OK', 'RTSP/1.1 200 OK', 'ICE/1.1 200 OK', 'HTTPER/1.1 200 OK', 'HTTP/0.9 200 OK', 'HTTP/2.0 200 OK']
    .map((line): CorpusCase => ({ name: `a status line of ${JSON.stringify(line)}`, text: head(line, 'Content-Length: 0'), is: 'refused' })),
  { name: 'fields with a bare CR between', text: head(OK, 'Foo: 1\rBar: 2'), is: 'refused' },
  { name: 'a bare CR behind a status line', text: 'HTTP/1.1 200 OK\rContent-Length: 0\r\n\r\n', is: 'refused' },
  { name: 'two CRs behind a status line', text: 'HTTP/1.1 200 OK\r\rContent-Length: 4\r\n\r\nEvil', is: 'refused' },
  { name: 'a space in front of the first field', text: 'HTTP/1.1 200 OK\r\n Host: foo\r\n\r\n', is: 'refused' },
  { name: 'LFs alone, without a body', text: 'HTTP/1.1 200 OK\nContent-Length: 0\n\n', is: 'refused' },
  { name: 'LFs alone', text: 'HTTP/1.1 200 OK\nFoo: abc\nBar: def\n\nBODY\n', end: 'fin', is: 'refused' },
  { name: 'a space in a name', text: `${head(OK, 'Server: Microsoft-IIS/6.0', 'X-Powered-By: ASP.NET', 'en-US Content-Type: text/xml', 'Content-Length: 16')}<xml>hello</xml>`, is: 'refused' }
]

const sample: CorpusCase[] = [
  { name: 'a simple one', text: head(OK, 'Header1: Value1', 'Header2:\t Value2', 'Content-Length: 0'), is: { status: 200, body: '', keepAlive: true } },
  { name: 'two spaces in front of a reason', text: head('HTTP/1.1 200  OK', 'Content-Length: 0'), is: { status: 200 } },
  { name: '$ in a name, and spaces around a length', text: `${head('HTTP/1.1 301 Moved Permanently', 'Location: http://www.google.com/', 'X-$PrototypeBI-Version: 1.6.0.3', 'Content-Length:  18  ')}<HTML>\n<A></A>\n</H`, is: { status: 301, body: '<HTML>\n<A></A>\n</H' } },
  { name: 'a chunk that is a line end', text: `${head('HTTP/1.1 301 MovedPermanently', 'p3p: policyref="http://www.amazon.com/w3c/p3p.xml",CP="CAO DSP LAW "', 'Vary: Accept-Encoding,User-Agent', CHUNKED)}1\r\n\n\r\n0\r\n\r\n`, is: { status: 301, body: '\n' } },
  { name: 'no fields and no body', text: head('HTTP/1.1 404 Not Found'), end: 'fin', is: { status: 404 } },
  { name: 'no reason', text: head('HTTP/1.1 301', 'Content-Length: 0'), is: { status: 301 } },
  { name: 'an empty reason', text: head('HTTP/1.1 200 ', 'Content-Length: 0'), is: { status: 200 } },
  { name: 'a name with an underscore', text: head(OK, 'Content-Length: 0', 'DCLK_imp: v7;x;114750856;0-0;0;17820020;0/0;~okv=;dcmt=text/xml;;~cs=o'), is: { status: 200 } },
  { name: 'a field without a value', text: head('HTTP/1.0 301 Moved Permanently', 'Pragma: ', 'Location: http://www.bonjourmadame.fr/', 'Content-Length: 0', 'Connection: keep-alive'), is: { status: 301, keepAlive: true } },
  { name: 'names that begin oddly', text: `${head(OK, '.et-Cookie: a=1; path=/', '_eep-Alive: timeout=45', '_onnection: Keep-Alive', CHUNKED, 'Connection: close')}0\r\n\r\n`, is: { status: 200, keepAlive: false } },
  { name: 'a reason that is not ASCII', text: head('HTTP/1.1 500 Ori\xc3\xabntatieprobleem', 'Content-Length: 0', 'Connection: close'), is: { status: 500 } },
  { name: 'a CRLF in front', text: `\r\n${head(OK, 'Header1: Value1', 'Content-Length: 0')}`, is: { status: 200 } },
  { name: 'responses behind a response', text: `${head(OK, 'Content-Length: 3')}AAA${head('HTTP/1.1 201 Created', 'Content-Length: 4')}BBBB`, is: { status: 200, body: 'AAA' } }
]

const chunked = (...body: string[]): string => `${head(OK, CHUNKED)}${body.join('\r\n')}\r\n`
const coding: CorpusCase[] = [
  { name: 'spaces behind a chunk size', text: chunked('25  ', 'This is the data in the first chunk\r\n', '1C', 'and this is the second one\r\n', '0  ', ''), is: 'refused' },
  { name: 'chunked in front of another coding', text: `${head(OK, 'Transfer-Encoding: chunked, deflate')}World`, end: 'fin', is: 'refused' },
  { name: 'chunked and identity', text: `${head(OK, CHUNKED, 'Transfer-Encoding: identity')}World`, end: 'fin', is: 'refused' },
  { name: 'chunkedchunked', text: `${head(OK, 'Transfer-Encoding: chunkedchunked')}2\r\nOK\r\n0\r\n\r\n`, end: 'fin', is: 'refused' },
  { name: 'chunk extensions', text: chunked('5;ilovew3;somuchlove=aretheseparametersfor', 'hello', '6;blahblah;blah', ' world', '0', ''), is: { status: 200, body: 'hello world' } },
  { name: 'no semicolon in front of an extension', text: chunked('2 erfrferferf', 'aa', '0 rrrr', ''), is: 'refused' },
  { name: 'nothing behind a semicolon', text: chunked('2;', 'aa', '0', ''), is: 'refused' },
  { name: 'extensions in quotes', text: chunked('5;ilovew3="I love; extensions";somuchlove="aretheseparametersfor";blah;foo=bar', 'hello', '6;blahblah;blah', ' world', '0', ''), is: { status: 200, body: 'hello world' } },
  { name: 'quotes that do not end', text: chunked('5;ilovew3="abc";somuchlove="def; ghi', 'hello', '0', ''), is: 'refused' },
  { name: 'a fold behind chunked', text: `${head(OK, 'Transfer-Encoding: chunked\r\n  abc')}5\r\nWorld\r\n0\r\n\r\n`, is: 'refused' },
  { name: 'chunks with extensions, and 0', text: chunked('a;foo=bar', '0123456789', '0', ''), is: { status: 200, body: '0123456789' } }
]

export const llhttp: readonly CorpusCase[] = [...connection, ...length, ...invalid, ...sample, ...coding]
