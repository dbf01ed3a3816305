import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { isBehindAnother } from '../forward/client-exchange.js'

/** A request behind another one on its socket; `start` is undefined once it has been started. */
interface Waiting { start: (() => void) | undefined }
/** What is behind on one socket. None of it has had the socket: each leaves when it gets it. */
interface Line {
  readonly all: Map<ServerResponse, Waiting>
  /** The safe ones that may start out of turn and did not yet, and others that have had their turn since. */
  readonly held: Waiting[]
  /** Of all, how many have been started. */
  running: number
}
/** The response that has the socket; those behind it have none yet. */
type ServedSocket = Socket & { _httpMessage?: ServerResponse | null }

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])
// Requests of one socket that run at once. Their answers go out one after another: more of them would hold backends for a client that reads one.
const MOST_AT_ONCE = 4
// Only for sockets on which something waits; a socket that is used as most are costs nothing here.
const lines = new WeakMap<Socket, Line>()
const ended = new WeakSet<Socket>()

/** No request that comes behind this one on its connection is started any more. */
export function endPipeline ({ socket }: IncomingMessage): void {
  ended.add(socket)
}

/** Whether there are requests ahead of this one, or its connection is closing: what `startInTurn` is for. */
export function isBehind (message: IncomingMessage, response: ServerResponse): boolean {
  return isBehindAnother(response) || message.socket.writableEnded
}

/** Whether nothing that comes on a request's connection from here on is started. */
export function isPipelineOver ({ socket }: IncomingMessage): boolean {
  return isClosing(socket) || ended.has(socket)
}

/**
 * Starts a pipelined request when it may: a safe one while fewer than four of its socket run, any other when those ahead of it have finished; not at
 * all if its connection closes before that, since its answer could never be sent. RFC 9112 section 9.3.2.
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

/** The response that a socket is busy with. */
export function currentResponse (socket: Socket): ServerResponse | undefined {
  return (socket as ServedSocket)._httpMessage ?? undefined
}

// One listener a response, however many wait.
function awaitNext (socket: Socket): void {
  currentResponse(socket)?.once('close', () => {
    // At a response's 'finish' it is not known yet whether the socket stays; `shouldKeepAlive` never tells.
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
  // A short one may have had the socket and finished before the 'close' of the response ahead was told.
  for (const response of line.all.keys()) {
    if (isBehindAnother(response) && !response.writableFinished) break
    takeOut(line, response)
  }
  // Hooks ahead of ours may have taken their time, and changed the order.
  takeOut(line, currentResponse(socket))
}

function takeOut (line: Line, response: ServerResponse | undefined): void {
  const waiting = response && line.all.get(response)
  if (waiting === undefined) return
  line.all.delete(response!)
  if (waiting.start === undefined) line.running--
  else begin(waiting)
}

// The one that has the socket runs too, and is in no line.
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
