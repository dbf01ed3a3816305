import type { Rule } from './rule.js'
import { RULES, RULE_GROUPS, warningCode } from './rules.js'

const ABOUT = `<!-- Made by: npm run made -->
# What \`holdfast check\` looks for

\`\`\`sh
npx holdfast check app.js                     # an app's targets, without serving
npx holdfast check                            # the microservice's, from .env and the environment
npx holdfast check --front-idle 60s --front-timeout 60s --replicas 4 --backend-max-connections 400 app.js
npx holdfast check --probe app.js             # measures the backends too
\`\`\`

No default breaks a rule. \`--front-*\`, \`--backend-max-connections\` and \`--probe\` add what the defaults cannot know. An *error* means that
in ordinary operation requests fail, or may reach the wrong server; the exit code is 1. A *warning* means that work, time or a bound is
lost; it counts as an error with \`--strict\`. \`--ignore <id>\` leaves a rule out, where its finding is meant. A rule with a code is also
logged, once, where \`gateway\` or \`proxy\` is registered with such a setting. The microservice logs at start what it breaks of all rules
that need neither a flag nor a probe, and \`IGNORED_WARNINGS=<id>,<id>\` leaves rules without a code out.

In a clone, \`npx holdfast check\` reads what was built, route files too: run \`npm run build\` first. \`npm run holdfast -- check\` reads the
sources.
`

/** docs/check.md. */
export function rulesAsMarkdown (): string {
  const groups = RULE_GROUPS.map(({ title, rules }) => `## ${title}\n\n| rule | severity | looks at | found when | why it matters | remedy |\n|---|---|---|---|---|---|\n${rules.map(row).join('\n')}\n`)
  return `${ABOUT}\n${groups.join('\n')}`
}

/** The table for a terminal, a rule a paragraph. */
export function rulesAsText (): string {
  const width = Math.max(...RULES.map(({ id }) => id.length))
  const indent = ' '.repeat(width + 2)
  return RULES.map(rule => `${rule.id.padEnd(width)}  ${rule.severity}: ${rule.looksAt}; found when ${rule.when}
${indent}${rule.why}
${indent}${rule.remedy}${rule.atRegister === true ? `\n${indent}Logged at register: ${warningCode(rule)}` : ''}
`).join('\n')
}

function row (rule: Rule): string {
  const { id, severity, looksAt, when, why, remedy } = rule
  const code = rule.atRegister === true ? `<br>\`${warningCode(rule)}\`` : ''
  return `| \`${id}\`${code} | ${severity} | ${looksAt} | ${when} | ${why} | ${remedy} |`.replaceAll('\n', ' ')
}
