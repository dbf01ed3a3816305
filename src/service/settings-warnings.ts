import type { FastifyInstance } from 'fastify'
import { findingsOf } from '../check/findings.js'
import type { Finding } from '../check/findings.js'
import { warningCode } from '../check/rules.js'
import type { RuleId } from '../check/rules.js'
import { checkedApp } from '../gateway/checked-app.js'
import { existingState } from '../gateway/state.js'
import { TABLE, nameOf } from '../options/table.js'

// A rule may find the same of each of several hundred targets.
const MOST_NAMED = 5
// What the table of options does not know: `upstream` is an option of a route, and `trustProxy` one of Fastify.
const VARIABLES_OF: Partial<Record<RuleId, string>> = { 'plain-http': 'UPSTREAMS', 'trusts-everybody': 'TRUST_PROXY' }

/**
 * Logs what `holdfast check` finds in an app that is ready, as far as that needs no facts about its surroundings: one warning for each
 * rule, with the rule's code. Rules that were logged when the routes were registered are left out.
 */
export function warnOfSettings (app: FastifyInstance, ignored: ReadonlySet<RuleId>): void {
  const state = existingState(app)
  if (state === undefined) return
  const checked = checkedApp('the microservice', app, state)
  const told = new Set(checked.told.map(({ id }) => id))
  const findings = findingsOf(checked, { replicas: 1 }).filter(({ id }) => !told.has(id) && !ignored.has(id))
  for (const id of new Set(findings.map(finding => finding.id))) {
    const same = findings.filter(finding => finding.id === id)
    app.log.warn({ code: warningCode({ id }), targets: some(same.map(({ target }) => target)) }, textOf(same))
  }
}

function textOf (findings: readonly Finding[]): string {
  const { id, why, remedy } = findings[0]!
  const found = some([...new Set(findings.map(finding => finding.found))]).join('; ')
  const variables = VARIABLES_OF[id] === undefined ? variablesIn(found) : [VARIABLES_OF[id]]
  const where = variables.length === 0 ? '' : ` Set by ${variables.join(', ')}.`
  return `${found}. ${why} ${remedy.replaceAll('--ignore ', 'IGNORED_WARNINGS=')}${where}`
}

/** The variables of the options that a text names. */
function variablesIn (text: string): string[] {
  const words = new Set(text.split(/[^\w.]+/))
  return TABLE.flatMap(({ path, variable }) => variable !== undefined && (words.has(path) || words.has(nameOf(path))) ? [variable] : [])
}

function some (texts: readonly string[]): string[] {
  return texts.length <= MOST_NAMED ? [...texts] : [...texts.slice(0, MOST_NAMED), `and ${texts.length - MOST_NAMED} more`]
}
