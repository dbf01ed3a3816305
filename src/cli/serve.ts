import { join } from 'node:path'
import { readOptions } from './arguments.js'
import { packageFolder } from './package-folder.js'
import { routesFolder } from './routes-folder.js'
import { UsageError } from './usage-error.js'

const HELP = `Usage: holdfast serve [options]

Runs the gateway as a server. Environment variables configure it, and a file .env in this folder; variables win. UPSTREAMS has what it
serves, as prefix=url, separated by commas:
  UPSTREAMS=/users=http://users:3000,/=http://web:8080 holdfast serve
Where there is nothing to serve, sample backends run, and the log says what to try.

  --routes <folder>   register each .js, .mjs or .cjs file of that folder as a Fastify plugin, its subfolder as prefix; a file named
                      health takes the place of /health/live and /health/ready
  -h, --help          print this

SIGTERM and SIGINT end it in good order, a second signal at once. Exit code: 0 ended in good order; 1 it could not start; 2 wrong usage.
All variables: ${join(packageFolder(), '.env.example')}
`

/** `holdfast serve`. Resolves only where it serves nothing: a server ends its process itself. */
export async function command (args: readonly string[]): Promise<number> {
  const { values, positionals } = readOptions('serve', args, { routes: { type: 'string' }, help: { type: 'boolean', short: 'h' } })
  if (values.help === true) {
    process.stdout.write(HELP)
    return 0
  }
  if (positionals.length > 0) {
    const given = JSON.stringify(positionals[0])
    throw new UsageError(`serve: ${given}: no argument is taken; UPSTREAMS has the backends, and --routes a folder of routes`)
  }
  const routes = values.routes === undefined ? undefined : await routesFolder('serve', values.routes)
  const { serve } = await import('../service/server.js')
  await serve({ routes })
  return new Promise(() => {})
}
