import type { Step } from '../case.js'

const lines = (first: string, fields: readonly string[]): string => `${[first, ...fields].map(line => `${line}\r\n`).join('')}\r\n`

/** A GET of `path`, with field lines. */
export const get = (path: string, ...fields: string[]): string => lines(`GET ${path} HTTP/1.1`, ['Host: gateway.test', ...fields])

/** A request without a body. */
export const ask = (method: string, path: string, ...fields: string[]): string => lines(`${method} ${path} HTTP/1.1`, ['Host: gateway.test', ...fields])

/** A POST with a Content-Length. */
export const post = (path: string, body: string, ...fields: string[]): string =>
  lines(`POST ${path} HTTP/1.1`, ['Host: gateway.test', `Content-Length: ${body.length}`, ...fields]) + body

/** A POST with a body of these chunks. */
export const chunked = (path: string, chunks: string, ...fields: string[]): string =>
  lines(`POST ${path} HTTP/1.1`, ['Host: gateway.test', 'Transfer-Encoding: chunked', ...fields]) + chunks

/** The chunks of a body, with the last chunk. */
export const chunks = (...parts: string[]): string => [...parts, ''].map(part => `${part.length.toString(16)}\r\n${part}\r\n`).join('')

/** A 200 with a Content-Length. */
export const ok = (body: string, ...fields: string[]): string => lines('HTTP/1.1 200 OK', [`Content-Length: ${body.length}`, ...fields]) + body

/** The head of a response with these framing fields. */
export const head = (status: string, ...fields: string[]): string => lines(`HTTP/1.1 ${status}`, fields)

/** The bytes of a text, one by one. */
export const bytewise = (text: string): Step[] => [...text].flatMap(byte => [byte, { pause: 1 }])
