/** @typedef {import('../src/index.js').Persistence} Persistence */
/** @typedef {typeof import('./close-reason.js').CLOSE_REASONS[import('../src/index.js').CloseReason]['by']} CloserGroup */

/** The sign of each persistence state, which needs no colour, and its meaning. @type {Record<Persistence, { sign: string, meaning: string }>} */
export const PERSISTENCE = {
  persistent: { sign: '●', meaning: 'The backend keeps connections open; requests reuse them.' },
  'non-persistent': { sign: '✕', meaning: 'The backend closes connections after a response; every request gets a connection of its own.' },
  trial: { sign: '◐', meaning: 'One connection tests whether the backend keeps connections open again.' }
}

/** Which side caused a close, in the order of the list. @type {Record<CloserGroup, string>} */
export const GROUPS = {
  backend: 'By the backend, or because of what it did',
  gateway: 'By Holdfast, at a limit or to make room',
  client: 'By the client',
  operator: 'By the operator'
}

/** Terms, with the meaning that they have in docs/internals.md. */
export const TERMS = {
  target: 'One backend origin with its settings',
  persistence: 'Whether the backend keeps connections open (RFC 9112), learned from what the backend does',
  connections: 'Active ones carry a request, idle ones wait in the pool; pending requests wait for a connection. The bar is full at the limit of connections',
  reuse: '1 - connections opened / exchanges: the share of the traffic that needed no new connection',
  requests: 'Requests per second. The line shows the last minute, since this page was opened',
  opened: 'Connections opened per second. The line shows the last minute, since this page was opened',
  saved: 'The number of exchanges on a reused connection, and that number times the mean time to connect',
  idleLimit: 'How long a connection may lie unused: configured by the operator, hinted by a Keep-Alive header, learned from what the backend does. The one in effect is marked',
  sentinel: 'The one connection past a learned limit that stays open to see when the backend closes it',
  certificates: 'How long certificates are still valid: the one that the backend showed for itself at its newest whole handshake, and the client certificate that Holdfast shows',
  connectMean: 'Mean time to connect, TLS included'
}
