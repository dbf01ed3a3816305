import type { FastifyInstance } from 'fastify'
import { findingsOf } from '../check/findings.js'
import type { Finding } from '../check/findings.js'
import type { CheckedApp } from '../check/rule.js'
import { warningCode } from '../check/rules.js'
import { checkedApp } from '../gateway/checked-app.js'
import { existingState } from '../gateway/state.js'
import type { Environment } from './environment.js'
import { variableWords } from './variable-words.js'

// A rule may find the same of each of several hundred targets.
const MOST_NAMED = 5

/**
 * Logs what `holdfast check` finds in an app that is ready, as far as that needs no facts about its surroundings: one warning for each
 * rule, with the rule's code. Rules that were logged when the routes were registered are left out.
 */
export function warnOfSettings (app: FastifyInstance, environment: Environment): void {
  const state = existingState(app)
  if (state === undefined) return
  const checked = checkedApp('the microservice', app, state)
  const told = new Set(checked.told.map(({ id }) => id))
  const findings = findingsOf(checked, { replicas: 1 }).filter(({ id }) => !told.has(id) && !environment.ignoredWarnings.has(id))
  for (const id of new Set(findings.map(finding => finding.id))) {
    const same = findings.filter(finding => finding.id === id)
    app.log.warn({ code: warningCode({ id }), targets: some(same.map(({ target }) => target)) }, textOf(same, checked, environment))
  }
}

function textOf (findings: readonly Finding[], checked: CheckedApp, environment: Environment): string {
  const { why, remedy } = findings[0]!
  const found = some([...new Set(findings.map(finding => finding.found))]).join('; ')
  const variables = new Set(findings.map(finding => variableWords(finding, checked, environment)))
  return `${found}. ${why} ${remedy.replaceAll('--ignore ', 'IGNORED_WARNINGS=')}${[...variables].join('')}`
}

function some (texts: readonly string[]): string[] {
  return texts.length <= MOST_NAMED ? [...texts] : [...texts.slice(0, MOST_NAMED), `and ${texts.length - MOST_NAMED} more`]
}
