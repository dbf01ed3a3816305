import type { Finding } from '../check/findings.js'
import type { CheckedApp, CheckedTarget } from '../check/rule.js'
import type { RuleId } from '../check/rules.js'
import { TABLE, nameOf } from '../options/table.js'
import type { OptionRow } from '../options/table.js'
import type { Environment } from './environment.js'
import { givenOptions } from './given-options.js'
import { backendUrls } from './upstream-list.js'

// What the table of options does not know: `upstream` is an option of a route, and `trustProxy` and `keepAliveTimeout` are Fastify's.
const OF_RULES: Partial<Record<RuleId, readonly string[]>> = {
  'plain-http': ['UPSTREAMS'], 'trusts-everybody': ['TRUST_PROXY'], 'front-outlives-server': ['CLIENT_KEEP_ALIVE_TIMEOUT_MS']
}
// Rules whose remedies are no options of the table, though a name may be the same.
const OF_FASTIFY: ReadonlySet<RuleId> = new Set<RuleId>(['front-outlives-server', 'server-cuts-first'])

/** Says in words which variables set what was found, and which ones set what the remedy names; '' where there are none. */
export function variableWords (finding: Finding, app: CheckedApp, environment: Environment): string {
  const set = settersOf(finding, app, environment)
  const others = remediesOf(finding, app, environment).filter(name => !set.includes(name))
  const words = (set.length === 0 ? '' : ` Set by ${set.join(', ')}.`) + (others.length === 0 ? '' : ` Variables: ${others.join(', ')}.`)
  return words === '' || finding.remedy.endsWith('.') ? words : `.${words}`
}

/** The same for a warning about the gateway's own options, when they are registered. */
export function givenWords (found: string, environment: Environment): string {
  const given = givenOptions(environment)
  const names = rowsIn(found).filter(({ path }) => at(given, path) !== undefined).map(({ variable }) => variable)
  return names.length === 0 ? '' : ` Set by ${names.join(', ')}.`
}

function settersOf ({ id, target, found }: Finding, app: CheckedApp, environment: Environment): readonly string[] {
  if (id === 'trusts-everybody') return OF_RULES[id]!
  if (id === 'plain-http') return namesUpstream(found, environment) ? OF_RULES[id]! : []
  if (id === 'front-outlives-server') return environment.clientKeepAliveTimeout === undefined ? [] : OF_RULES[id]!
  if (OF_FASTIFY.has(id)) return []
  const given = givenOptions(environment)
  return rowsIn(found)
    .filter(({ path }) => {
      const value = at(given, path)
      return value !== undefined && subjects(app, target).some(subject => valuesOf(subject, path).includes(value))
    })
    .map(({ variable }) => variable!)
}

/** Whether a text names the origin of an upstream among others. */
function namesUpstream (text: string, { upstreams }: Environment): boolean {
  const words = text.split(/,? /)
  return upstreams.some(entry => backendUrls(entry).some(({ origin }) => words.includes(origin)))
}

/** A variable is of no use where the file of a route has set the option to another value. */
function remediesOf ({ id, target, remedy }: Finding, app: CheckedApp, environment: Environment): readonly string[] {
  const own = OF_RULES[id]
  if (own !== undefined) return id === 'plain-http' ? [] : own
  if (OF_FASTIFY.has(id)) return []
  const given = givenOptions(environment)
  const names = rowsIn(remedy)
    .filter(row => subjects(app, target).every(subject => valuesOf(subject, row.path).includes(at(given, row.path) ?? row.default)))
    .map(({ variable }) => variable!)
  return id === 'backend-overrun' && names.includes('MAX_UPGRADED') ? [...names, 'WEBSOCKET=false'] : names
}

/** The options with variables that a text names. */
function rowsIn (text: string): readonly OptionRow[] {
  const words = new Set(text.split(/[^\w.]+/).map(word => word.replace(/\.$/, '')))
  // A name like `timeout` or `connections` is a word of sentences too.
  return TABLE.filter(({ path, variable }) => {
    const name = nameOf(path)
    return variable !== undefined && (words.has(path) || (/[A-Z]/.test(name) && words.has(name)))
  })
}

/** The targets that a finding is about: by name, or by origin; none for the server. */
function subjects ({ targets }: CheckedApp, name: string): readonly CheckedTarget[] {
  return targets.filter(target => target.name === name || target.origin?.origin === name)
}

function valuesOf ({ options, routes }: CheckedTarget, path: string): readonly unknown[] {
  return [options, ...routes.map(route => route.options)].map(source => at(source, path)).filter(value => value !== undefined)
}

function at (options: object, path: string): unknown {
  return path.split('.').reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], options)
}
