import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { isBehindAnother } from '../forward/client-exchange.js'

/** A request behind another one on its socket. `start` is undefined once the request has been started. */
interface Waiting { start: (() => void) | undefined }
/** The requests behind another one on one socket. A request leaves when its response gets the socket. */
interface Line {
  readonly all: Map<ServerResponse, Waiting>
  /** Safe requests, which may start before their turn. Some of them may have been started in their turn since. */
  readonly held: Waiting[]
  /** How many of `all` have been started. */
  running: number
}
/** `_httpMessage` is the response that has the socket. The responses behind it have no socket yet. */
type ServedSocket = Socket & { _httpMessage?: ServerResponse | null }

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])
// Requests of one socket that run at once. Their answers go out one after another, so more requests would keep backends waiting for one
// client.
const MOST_AT_ONCE = 4
// Only for sockets on which a request waits. Most sockets have no entry, and cost nothing here.
const lines = new WeakMap<Socket, Line>()
const ended = new WeakSet<Socket>()

/** Ends a pipeline at this request: no request behind it on its connection is started any more. */
export function endPipeline ({ socket }: IncomingMessage): void {
  ended.add(socket)
}

/** Whether requests are ahead of this one, or its connection is closing. Such a request starts by `startInTurn`. */
export function isBehind (message: IncomingMessage, response: ServerResponse): boolean {
  return isBehindAnother(response) || message.socket.writableEnded
}

/** Whether no request on this request's connection is started any more. */
export function isPipelineOver ({ socket }: IncomingMessage): boolean {
  return isClosing(socket) || ended.has(socket)
}

/**
 * Starts a pipelined request: a safe one when fewer than four of its socket run, any other when those ahead of it have finished. If its
 * connection closes before that, it is never started, since its answer could not be sent. RFC 9112 section 9.3.2.
 */
export function startInTurn ({ socket, method }: IncomingMessage, response: ServerResponse, start: () => void): void {
  let line = lines.get(socket)
  if (line === undefined) {
    lines.set(socket, line = { all: new Map(), held: [], running: 0 })
    awaitNext(socket)
  }
  const waiting = { start }
  line.all.set(response, waiting)
  if (!SAFE.has(method!)) return
  line.held.push(waiting)
  startHeld(line)
}

/** The response that has a socket now. */
export function currentResponse (socket: Socket): ServerResponse | undefined {
  return (socket as ServedSocket)._httpMessage ?? undefined
}

// One listener for the response that has the socket, however many requests wait behind it.
function awaitNext (socket: Socket): void {
  currentResponse(socket)?.once('close', () => {
    // Not at 'finish', when it is not known yet whether the socket stays open. `shouldKeepAlive` does not tell either.
    if (isClosing(socket)) {
      lines.delete(socket)
      return
    }
    const line = lines.get(socket)!
    startInTurnOf(socket, line)
    startHeld(line)
    if (line.all.size === 0) lines.delete(socket)
    else awaitNext(socket)
  })
}

function startInTurnOf (socket: Socket, line: Line): void {
  // A short response may get the socket and finish before the response ahead emits 'close'.
  for (const response of line.all.keys()) {
    if (isBehindAnother(response) && !response.writableFinished) break
    takeOut(line, response)
  }
  // Hooks that run before ours may take different times, and so change the order.
  takeOut(line, currentResponse(socket))
}

function takeOut (line: Line, response: ServerResponse | undefined): void {
  const waiting = response && line.all.get(response)
  if (waiting === undefined) return
  line.all.delete(response!)
  if (waiting.start === undefined) line.running--
  else begin(waiting)
}

// The request whose response has the socket runs too, and is not in the line.
function startHeld (line: Line): void {
  while (line.held.length > 0 && line.running + 1 < MOST_AT_ONCE) {
    const waiting = line.held.shift()!
    if (waiting.start === undefined) continue
    line.running++
    begin(waiting)
  }
}

function begin (waiting: Waiting): void {
  const start = waiting.start!
  waiting.start = undefined
  start()
}

function isClosing (socket: Socket): boolean {
  return socket.destroyed || socket.writableEnded
}
