import { CLOSE_REASONS } from '../connection/close-reason.js'

const ABOUT = `<!-- Made by: npm run made -->
# Close reasons

Each close of a connection to a backend has exactly one of these reasons. Observers get the reason (\`ConnectionObserver.closed\`). The admin
API, the dashboard and the metric \`holdfast_connection_closes_total\` count closes by their reason. If a close cuts a request off, or leaves it
without an answer, its reason is the \`error_type\` of that request in \`http_client_request_duration_seconds\`.

- *By*: which side caused the close. A close that a backend announces or causes counts as the backend's.
- *When*: \`idle\` in the pool, \`active\` with an exchange under way or just ended, or \`either\`.
- *Cuts*: whether the close cuts off a response that has begun.

`

/** docs/close-reasons.md. */
export function closeReasonsAsMarkdown (): string {
  const rows = Object.entries(CLOSE_REASONS).map(([reason, { by, when, cutsResponse, meaning }]) => `| \`${reason}\` | ${by} | ${when} | ${cutsResponse ? 'yes' : ''} | ${meaning} |\n`)
  return `${ABOUT}| reason | by | when | cuts | meaning |\n|---|---|---|---|---|\n${rows.join('')}`
}

/** The table as a module of the admin page, which is not compiled and so cannot import it. */
export function closeReasonsAsModule (): string {
  return `export const CLOSE_REASONS = ${JSON.stringify(CLOSE_REASONS, undefined, 2)}\n`
}
