import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { HoldfastError } from '../errors.js'

/**
 * Answers on a socket that has no response of Node's, in the form of Fastify's own answers to errors, and ends its connection.
 *
 * @param headers lines besides the usual ones, each with its CRLF
 */
export function answerOnSocket (socket: Socket, { statusCode, code, message }: HoldfastError, headers = ''): void {
  if (!socket.writable) return
  const reason = STATUS_CODES[statusCode]!
  const body = JSON.stringify({ statusCode, code, error: reason, message })
  socket.end(`HTTP/1.1 ${statusCode} ${reason}\r\n${headers}Connection: close\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  socket.destroySoon()
}
