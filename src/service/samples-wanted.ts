import { EnvironmentError, wrongValue } from './environment-error.js'
import { VARIABLES } from './variables.js'
import type { Values, VariableName } from './variables.js'

/** Whether the sample backends may run. */
export interface Samples {
  /** Whether SAMPLES asks for them. */
  readonly asked: boolean
  /** Why they do not run, as a sentence; undefined where they run if there is nothing else to proxy. */
  readonly refusal: string | undefined
}

// These say nothing of what the process is there for. A port is set where 8080 or 9090 is taken. A platform sets PORT too, but as long as
// HOST is not set, only this machine can connect: a deployment fails its first health check.
const NEUTRAL: ReadonlySet<VariableName> = new Set([
  'PORT', 'ADMIN_PORT', 'SAMPLES', 'SAMPLE_LOAD', 'LOG_LEVEL', 'NODE_ENV', 'IGNORED_VARIABLES', 'IGNORED_WARNINGS'
])
const NOTHING_TO_PROXY = 'UPSTREAMS: is not set, and there is no route file, so there is nothing to proxy; ' +
  'set it, like UPSTREAMS=/users=http://users:3000'

/**
 * Reads SAMPLES. Without it, the samples run only where nothing is set: a gateway that was meant to proxy something must not answer from
 * them. Throws EnvironmentError where it is set beside UPSTREAMS, or in production.
 */
export function readSamples (values: Values): Samples {
  const { SAMPLES: value } = values
  if (value === 'true') {
    if (!isEmpty(values.UPSTREAMS)) throw beside('UPSTREAMS is set')
    if (values.NODE_ENV === 'production') {
      throw wrongValue('SAMPLES', value, 'is not possible in production; leave it out, or set another NODE_ENV')
    }
    return { asked: true, refusal: undefined }
  }
  if (value === 'false') return { asked: false, refusal: 'SAMPLES=false keeps the samples from running' }
  const set = (Object.keys(VARIABLES) as VariableName[]).find(name => !isEmpty(values[name]) && !NEUTRAL.has(name))
  const refusal = set && `The samples run by themselves only where no more than a port is set, and ${set} is; SAMPLES=true runs them`
  return { asked: false, refusal }
}

/** What an app has to serve: upstreams or route files of its own, and the file of the samples. */
interface Served { readonly own: boolean, readonly available: boolean }

/** Whether the samples run in an app. Throws EnvironmentError where there is nothing to proxy at all. */
export function runsSamples (
  { samples: { asked, refusal }, production }: { readonly samples: Samples, readonly production: boolean }, { own, available }: Served
): boolean {
  if (own) {
    if (asked) throw beside('there is a route file')
    return false
  }
  const missing = available ? undefined : 'This folder of route files has no samples'
  const why = production ? 'In production the samples never run' : refusal ?? missing
  if (why !== undefined) throw new EnvironmentError(`${NOTHING_TO_PROXY}. ${why}`)
  return true
}

function beside (what: string): EnvironmentError {
  const why = `is not possible: the samples run where there is nothing else to proxy, and ${what}`
  return wrongValue('SAMPLES', 'true', `${why}; leave one of them out`)
}

function isEmpty (value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'string' && value.trim() === '')
}
