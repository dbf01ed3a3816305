import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { hasBody } from '../http/message-body.js'

/**
 * Has a server's requests with `Expect` handled like all others: the 100 is sent when the body is read, and any other expectation comes to
 * the request rules. An app's own listeners for them stay as they are. RFC 9110 section 10.1.1.
 */
export function answerExpectations (server: Server): void {
  if (server.listenerCount('checkContinue') === 0) {
    server.on('checkContinue', (message, response) => {
      // Node emits this for a list that contains 100-continue, too. The rules refuse such a list.
      if (message.headers.expect!.toLowerCase() === '100-continue') {
        if (hasBody(message)) continueWhenRead(message, response)
        // Without a 100, Node closes the connection behind the answer.
        else response.writeContinue()
      }
      server.emit('request', message, response)
    })
  }
  // Node answers 417 and keeps the connection. The rules answer 417 and close it.
  if (server.listenerCount('checkExpectation') === 0) {
    server.on('checkExpectation', (message, response) => { server.emit('request', message, response) })
  }
}

/**
 * Sends the 100 at the first read of the body, which step 4 or one of the app's parsers does. So a request that is refused by its head,
 * with a 401 or a 413 for example, gets none.
 */
function continueWhenRead (message: IncomingMessage, response: ServerResponse): void {
  const read = message._read
  message._read = size => {
    message._read = read
    // Behind an answer, Node reads the rest of the body only to drop it.
    if (!response.headersSent) response.writeContinue()
    read.call(message, size)
  }
}
