// The image's HEALTHCHECK: exits with 0 while the microservice answers, and else with 1. It asks for /health/live, since a gateway that
// drains must not be restarted.
const { HOST, PORT } = process.env
// The addresses that stand for all addresses cannot be asked.
const host = HOST === undefined || HOST === '' || HOST === '0.0.0.0' || HOST === '::' ? '127.0.0.1' : HOST
const url = `http://${host.includes(':') ? `[${host}]` : host}:${PORT || 8080}/health/live`

const fault = await fetch(url).then(
  ({ ok, status }) => ok ? undefined : `answered with ${status}`,
  error => `does not answer: ${error.cause?.message ?? error.message}`
)
if (fault !== undefined) console.error(`${url} ${fault}`)
// At once: fetch would keep its connection, and the process with it, for some seconds.
process.exit(fault === undefined ? 0 : 1)
