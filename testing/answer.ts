import type { BackendConnection, BackendRequest, Reply } from './backend.js'

/**
 * Answers with a body that names the request, so that a test can see that each request gets its own answer: its `x-id`, if it has one, and
 * its number on its connection.
 */
export function answer (
  request: BackendRequest,
  connection: BackendConnection,
  { headers = {}, ...reply }: Reply & { headers?: Record<string, string> } = {}
): void {
  connection.reply({
    ...reply,
    headers: { 'Content-Type': 'application/json', ...headers },
    body: answerBody(request)
  })
}

/** The body of `answer`. A request without `x-id` has no `id` in it. */
export function answerBody (request: BackendRequest): string {
  return JSON.stringify({ id: request.header('x-id'), nth: request.nth })
}

/** Whether the request asks for its connection to be closed after the answer (RFC 9112 section 9.3). */
export function wantsClose (request: BackendRequest): boolean {
  const options = connectionOptions(request)
  return options.includes('close') || (request.httpVersion === '1.0' && !options.includes('keep-alive'))
}

export function wantsKeepAlive (request: BackendRequest): boolean {
  return connectionOptions(request).includes('keep-alive')
}

function connectionOptions (request: BackendRequest): string[] {
  return (request.header('connection') ?? '').toLowerCase().split(',').map((option) => option.trim())
}
