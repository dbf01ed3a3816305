import { ERRORS } from '../errors.js'

const ABOUT = `<!-- Made by: npm run made -->
# Errors

A request that fails in Holdfast is answered with one of these codes, as JSON: \`{ "statusCode", "code", "error", "message" }\`. In code it is a
\`HoldfastError\` with the same \`code\` and \`statusCode\`, and with \`blame\`. Codes are stable.

- *Status*: what the client gets, where its response has not begun. After that, the response is cut off visibly.
- *Blame*: whose fault it was: the client, the backend, the gateway (it refused work for now) or the operator.
- *What to do* is for the operator. [troubleshooting.md](troubleshooting.md) begins with what can be seen.

Every 503 has \`Retry-After: 1\`. No message holds an address, a port, an errno or a stack. The *reason* that the log has may hold these: the
microservice logs it as \`err.reason\`, your own app as the \`cause\` of the error.

`

/** docs/errors.md. */
export function errorsAsMarkdown (): string {
  const rows = Object.entries(ERRORS).map(([code, { statusCode, blame, message, remedy }]) => `| \`${code}\` | ${statusCode} | ${blame} | ${message} | ${remedy} |\n`)
  return `${ABOUT}| code | status | blame | message | what to do |\n|---|---|---|---|---|\n${rows.join('')}`
}
