import type { Kind } from './compare.js'
import type { Asked, Outcome, ReadMessage } from './oracles/outcome.js'
import { wholeOf } from './oracles/outcome.js'

/** A difference, with what its class depends on. */
export interface Seen {
  readonly text: string
  readonly asked: Asked
  readonly oracle: string
  readonly kind: Kind
  readonly what: string
  readonly ours: Outcome
  readonly theirs: Outcome
}

/** A class of intended differences, with the reason. */
export interface Class { readonly name: string, readonly why: string, holds (seen: Seen): boolean }

const LLHTTP = ['undici', 'node:http']
const final = (outcome: Outcome): ReadMessage => wholeOf(outcome)!
const values = ({ lines }: Pick<ReadMessage, 'lines'>, name: string): string[] => lines.filter((_, i) => i % 2 === 1 && lines[i - 1] === name)
/** The text up to the body of the final response. */
const heads = (text: string): string => /^(?:[\r\n]*HTTP\/\S*\s+1(?!01)\d\d[^]*?\n\r?\n)*[^]*?\n\r?\n/.exec(text)?.[0] ?? text
/** The heads of interim responses before the final one. A 101 is not an interim response. */
const interim = (text: string): string => /^(?:[\r\n]*HTTP\/\S*\s+1(?!01)\d\d[^]*?\n\r?\n)*/.exec(text)![0]
const lengths = (text: string): string[] => [...heads(text).matchAll(/^content-length:([^\r\n]*)/gim)].map(([, value]) => value!.trim())
const isChunked = (outcome: Outcome): boolean => values(final(outcome), 'transfer-encoding').includes('chunked')
const isBodiless = ({ method }: Asked, ours: Outcome): boolean => method === 'HEAD' || [204, 304].includes(final(ours).status) || final(ours).upgraded
const trimmed = (lines: readonly string[]): string => JSON.stringify(lines.map(text => text.replace(/[ \t]+$/, '')))

/** Classes in which an oracle refuses, waits or reads otherwise, and our parser is right. */
const theirs: readonly Class[] = [
  {
    name: 'undici: 204 or 304 with a length',
    why: 'undici counts the bytes of a body that cannot be there',
    holds: ({ oracle, kind, what, ours }) => oracle === 'undici' && kind === 'refuses' && what.includes('content-length') && [204, 304].includes(final(ours).status)
  },
  {
    name: 'undici: an unsolicited 100',
    why: 'undici takes it for an error; RFC 9110 section 15.2 has a client read past it',
    holds: ({ oracle, kind, what, theirs }) => oracle === 'undici' && kind === 'refuses' && what === 'bad response' && theirs.messages.every(({ status }) => status < 200)
  },
  {
    name: 'undici: white space behind a value',
    why: 'undici hands it on; RFC 9110 section 5.5 has it no part of the value',
    holds: ({ oracle, kind, ours, theirs }) => oracle === 'undici' && kind === 'otherwise' && JSON.stringify(ours.messages.map(({ lines, trailers }) => [trimmed(lines), trimmed(trailers)])) ===
      JSON.stringify(theirs.messages.map(({ lines, trailers }) => [trimmed(lines), trimmed(trailers)])) && final(ours).body === final(theirs).body
  },
  {
    name: 'undici, node: any answer to CONNECT is a tunnel',
    why: 'they leave it to their user to look at the status; RFC 9110 section 9.3.6 has a tunnel behind 2xx alone',
    holds: ({ oracle, asked, theirs }) => LLHTTP.includes(oracle) && asked.method === 'CONNECT' && wholeOf(theirs)?.upgraded === true && Math.floor(final(theirs).status / 100) !== 2
  },
  {
    name: 'undici, node: a length in the trailers',
    why: 'llhttp refuses it in a build or another; it says nothing of a body that is over, and ours uses the connection no more',
    holds: ({ oracle, kind, what, text }) => LLHTTP.includes(oracle) && kind === 'refuses' && /content-length|aborted/i.test(what) && /\r\ncontent-length:[^\r\n]*\r\n/i.test(text.slice(heads(text).length))
  },
  {
    name: 'undici, node: a tab behind a length',
    why: 'llhttp takes spaces alone; RFC 9110 section 5.5 has both no part of the value',
    holds: ({ oracle, kind, text }) => LLHTTP.includes(oracle) && kind === 'refuses' && /^content-length:[^\r\n]*\d[ \t]*\t[ \t]*\r/im.test(heads(text))
  },
  {
    name: 'undici, node: a tab behind chunked',
    why: 'llhttp takes it for another coding, and the chunks with all that frames them for a body that ends with its connection',
    holds: ({ oracle, kind, text }) => LLHTTP.includes(oracle) && kind !== 'refuses' && /^transfer-encoding:[^\r\n]*\t[ \t]*\r/im.test(heads(text))
  },
  {
    name: 'undici, node: a 1xx that says close',
    why: 'llhttp ends the connection with it; RFC 9110 section 15.2 has the final response still to come, and that says whether the connection ends',
    holds: ({ oracle, kind, what, text }) => LLHTTP.includes(oracle) && kind === 'refuses' && what.includes('Data after `Connection: close`') && /^(?:proxy-)?connection:.*close|HTTP\/1\.0 1/im.test(interim(text))
  },
  {
    name: 'undici, node: a 101 that names its protocol in Upgrade alone',
    why: 'llhttp takes it for an interim response without `Connection: upgrade`; it was asked for, and what follows is not HTTP any more',
    holds: ({ oracle, kind, ours }) => LLHTTP.includes(oracle) && (kind === 'refuses' || kind === 'waits') && final(ours).status === 101
  },
  {
    name: 'node: a coding that is empty',
    why: 'the llhttp of Node 24 refuses it where no body is read by it too',
    holds: ({ oracle, kind, what }) => oracle === 'node:http' && kind === 'refuses' && what.includes('Empty Transfer-Encoding')
  },
  {
    name: 'undici, node, h11: a head that is large',
    why: 'they count what is between names and values as well, or all heads of a connection as one',
    holds: ({ kind, what, text }) => kind === 'refuses' && /overflow|too long|too large/i.test(what) && text.length > 10_000
  },
  {
    name: 'h11: a coding where there is no body',
    why: 'nothing is read by it: HEAD, 204, 304, a tunnel, an interim response, trailers',
    holds: ({ oracle, kind, what, ours, asked, text }) => oracle === 'h11' && kind === 'refuses' && /transfer-encoding/i.test(what) &&
      (isBodiless(asked, ours) || /^transfer-encoding:/im.test(interim(text)) || final(ours).trailers.includes('transfer-encoding'))
  },
  {
    name: 'h11: a length that is none where there is no body',
    why: 'nothing is read by it: HEAD, 204, 304, a tunnel',
    holds: ({ oracle, kind, what, ours, asked }) => oracle === 'h11' && kind === 'refuses' && /content-length/i.test(what) && isBodiless(asked, ours)
  },
  {
    name: 'h11: HTTP/1.0 with keep-alive',
    why: 'h11 keeps no connection of HTTP/1.0; servers that say so keep theirs',
    holds: ({ oracle, kind, text }) => oracle === 'h11' && kind === 'ends' && /HTTP\/1\.0 /.test(heads(text))
  },
  {
    name: 'h11: blank lines in front',
    why: 'RFC 9112 section 2.2 asks it of a server alone; Node\'s clients read past them',
    holds: ({ oracle, kind, what, text }) => oracle === 'h11' && kind === 'refuses' && /no response line|illegal request line/.test(what) && /(?:^|\n\r?\n)\r?\n/.test(text)
  }
]

/** Classes in which only our parser refuses. */
const our: readonly Class[] = [
  {
    name: 'a status outside 100..599',
    why: 'RFC 9110 section 15: such a status is treated as a server error, which is what a refusal comes to',
    holds: ({ kind, theirs }) => kind === 'ours refuses' && (final(theirs).status < 100 || final(theirs).status > 599)
  },
  {
    name: 'a 101 that was not asked for',
    why: 'RFC 9110 section 7.8: a server must not switch to what was not asked for',
    holds: ({ kind, theirs, asked }) => kind === 'ours refuses' && final(theirs).status === 101 && asked.upgrade !== true
  },
  {
    name: 'a coding besides chunked',
    why: 'it was not asked for (RFC 9112 section 7.4), and a reader that does not know it takes the body for something else',
    holds: ({ kind, theirs }) => kind === 'ours refuses' && values(final(theirs), 'transfer-encoding').some(value => value.trim() !== 'chunked')
  },
  {
    name: 'Transfer-Encoding more than once',
    why: 'RFC 9112 section 6.1: chunked is not applied twice',
    holds: ({ kind, theirs }) => kind === 'ours refuses' && values(final(theirs), 'transfer-encoding').length > 1
  },
  {
    name: 'Transfer-Encoding with Content-Length',
    why: 'RFC 9112 section 6.3: it ought to be handled as an error',
    holds: ({ kind, theirs }) => kind === 'ours refuses' && theirs.messages.some(message => values(message, 'transfer-encoding').length > 0 && values(message, 'content-length').length > 0)
  },
  {
    name: 'Transfer-Encoding in HTTP/1.0',
    why: 'RFC 9112 section 6.1: its framing is faulty',
    holds: ({ kind, theirs, text }) => kind === 'ours refuses' && values(final(theirs), 'transfer-encoding').length > 0 && /HTTP\/1\.0 /.test(text)
  },
  {
    name: 'a length said twice',
    why: 'RFC 9112 section 6.3 leaves it to the reader; nothing ambiguous is repaired here',
    holds: ({ kind, text }) => kind === 'ours refuses' && (lengths(text).length > 1 || lengths(text).some(value => value.includes(',')))
  },
  {
    name: 'a length that is none, or beyond 64 bits',
    why: 'RFC 9112 section 6.3: an unrecoverable error',
    holds: ({ kind, text }) => kind === 'ours refuses' && lengths(text).some(value => !/^\d{1,19}$/.test(value))
  },
  {
    name: 'a version other than 1.0 and 1.1',
    why: 'what comes behind another version is framed by the rules of that',
    holds: ({ kind, text }) => kind === 'ours refuses' && /HTTP\/(?!1\.[01] )|RTSP\/|ICE\//.test(heads(text))
  },
  {
    name: 'a bare LF or CR in a head',
    why: 'RFC 9112 section 2.2 lets a reader take an LF for a line end; one that does reads other lines than one that does not',
    holds: ({ oracle, kind, text }) => kind === 'ours refuses' && oracle === 'h11' && /(?:^|[^\r])\n|\r(?!\n)/.test(heads(text))
  },
  {
    name: 'two CRs for a line end',
    why: 'llhttp before 9.4 reads a line after "\\r\\r" of a status line, which no other reader does',
    holds: ({ oracle, kind, text }) => kind === 'ours refuses' && LLHTTP.includes(oracle) && /\r\r/.test(heads(text))
  },
  {
    name: 'more than 128 interim responses',
    why: 'a flood of them is held for no answer',
    holds: ({ kind, theirs }) => kind === 'ours refuses' && theirs.messages.length > 128
  },
  {
    name: 'a 101 without Upgrade',
    why: 'RFC 9110 section 15.2.2: it names the protocol that is spoken from there on',
    holds: ({ kind, what }) => kind === 'ours refuses' && what.includes('switches to a protocol')
  },
  {
    name: 'a folded line',
    why: 'RFC 9112 section 5.2: a gateway must not pass it on; it may be a refusal',
    holds: ({ oracle, kind, text }) => kind === 'ours refuses' && oracle === 'h11' && /\r\n[ \t]/.test(text)
  },
  {
    name: 'a control character in a head',
    why: 'RFC 9110 section 5.5: it is refused, or a space; nothing is repaired here',
    // eslint-disable-next-line no-control-regex
    holds: ({ kind, text }) => kind === 'ours refuses' && /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(heads(text))
  },
  {
    name: 'a tab behind a length',
    why: 'llhttp takes spaces alone',
    // Node's llhttp accepts both since Node 24.
    holds: ({ oracle, kind, text }) => kind === 'ours refuses' && oracle !== 'undici' && /^content-length:[^\r\n]*\t[ \t]*\r?\n/im.test(heads(text))
  },
  {
    name: 'a tab behind chunked',
    why: 'llhttp takes it for another coding; it is refused rather than guessed at',
    holds: ({ oracle, kind, what, text }) => kind === 'ours refuses' && oracle === 'h11' && what.includes('coding') && /^transfer-encoding:[^\r\n]*\t[ \t]*\r?$/im.test(heads(text))
  },
  {
    name: 'an extension of a chunk without a name, or with what is none',
    why: 'RFC 9112 section 7.1.1: a name is a token, and a quoted value ends; h11 reads past all of it',
    holds: ({ oracle, kind, what, theirs }) => kind === 'ours refuses' && oracle === 'h11' && what.includes('chunk extensions') && isChunked(theirs)
  },
  {
    name: 'a chunk size behind which there is a bare LF, a CR or a blank',
    why: 'RFC 9112 section 7.1: none is of its grammar, and readers part over where the chunk begins',
    holds: ({ oracle, kind, what, text, theirs }) => kind === 'ours refuses' && oracle === 'h11' && /chunk (?:size|data)/.test(what) && isChunked(theirs) && /[0-9a-f][ \t]+(?:;|\r?\n)|(?:^|[^\r])\n|\r(?!\n)/i.test(text.slice(heads(text).length))
  },
  {
    name: 'a length in the trailers',
    why: 'RFC 9110 section 6.5.1: a trailer frames nothing; llhttp refuses it beside a coding',
    holds: ({ oracle, kind, what, theirs }) => kind === 'ours refuses' && oracle === 'h11' && what.includes('Content-Length can') && final(theirs).trailers.includes('content-length')
  },
  {
    name: 'a control character, a fold or a bare LF in the trailers',
    why: 'as in a head; h11 takes them, or makes a space of them',
    // eslint-disable-next-line no-control-regex
    holds: ({ oracle, kind, what, text, theirs }) => kind === 'ours refuses' && oracle === 'h11' && /header (?:value|field|token)|after headers?\b/.test(what) && isChunked(theirs) && /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\n[ \t]|(?:^|[^\r])\n/.test(text.slice(heads(text).length))
  },
  {
    name: 'a head that is too large',
    why: 'maxHeaderSize: names and values, all that is between them, 1 000 lines',
    holds: ({ kind, what, text }) => kind === 'ours refuses' && what.includes('too-large:') && text.length > 4_000
  }
]

export const classes: readonly Class[] = [...theirs, ...our]
export const classOf = (seen: Seen): Class | undefined => classes.find(({ holds }) => holds(seen))
