import { GROUPS, membersOf, nameOf } from '../src/options/table.js'
import type { OptionGroup, OptionRow } from '../src/options/table.js'

const HEAD = `// Made from src/options/table.ts by \`npm run made\`; a test holds it to that.
import type { FastifyUnderPressureOptions } from '@fastify/under-pressure'
import type { LookupFunction } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { AffinityOption } from './affinity-option.js'
import type { ConnectFunction, NodeConnectOptions } from './connect-types.js'
import type { UpstreamOption } from './upstream-option.js'
`

const COMPOSED = `
/** The settings of one target. */
export interface TargetOptions extends EndpointOptions {
${members('gateway and route')}
}

/** The defaults of every route and target, and what belongs to the whole gateway. */
export interface GatewayOptions extends TargetOptions, RouteOptions, WholeGatewayOptions {
${members('gateway')}
}
`

const WIDTH = 150

/** The types of all options, as src/options/option-types.ts has them: with text, unit, default, what 0 means, and when they can be changed. */
export function optionsAsTypeScript (): string {
  return HEAD + GROUPS.map(interfaceOf).join('') + COMPOSED
}

function interfaceOf (group: OptionGroup): string {
  const rows = membersOf(group).filter(({ path, httpProxy }) => httpProxy === undefined || path === 'upstream')
  return `\n/** ${group.text} */\nexport interface ${group.type}${group.base === undefined ? '' : ` extends ${group.base}`} {\n${rows.map(memberOf).join('\n')}\n}\n`
}

function memberOf (row: OptionRow): string {
  const lines = [...wrapped(sentencesOf(row)), ...row.required === true ? [] : ['', `@defaultValue ${defaultOf(row)}`]]
  return `  /**\n${lines.map(line => `   *${line === '' ? '' : ` ${line}`}\n`).join('')}   */\n  ${nameOf(row.path)}${row.required === true ? '' : '?'}: ${typeOf(row)}`
}

// With `undefined`, which means not given: under `exactOptionalPropertyTypes`, `?` alone refuses it.
function typeOf ({ kind: { type }, required }: OptionRow): string {
  return required === true ? type : `${type} | undefined`
}

function sentencesOf (row: OptionRow): string {
  const { text, more, kind, live, reconnects } = row
  const zero = zeroOf(row)
  return [
    text,
    more,
    kind.unit === undefined ? undefined : `In ${kind.unit === 'ms' ? 'ms' : kind.unit}.`,
    zero === undefined ? undefined : `0: ${zero}.`,
    live === undefined ? undefined : `Can be changed at run time${reconnects === true ? '; connections are made anew' : ''}.`
  ].filter(Boolean).join(' ')
}

/** What 0 means; undefined where it is a quantity like any other, or where the option is no number. */
export function zeroOf ({ path, kind, zero }: OptionRow): string | undefined {
  if (zero !== undefined || kind.type !== 'number') return zero
  try {
    kind.check?.(0, path)
    return undefined
  } catch {
    return 'refused'
  }
}

/** The default as a reader of the documentation sees it. */
export function defaultOf ({ default: value, defaultText }: OptionRow): string {
  if (defaultText !== undefined) return defaultText
  if (value === undefined) return 'none'
  return typeof value === 'number' ? String(value).replace(/\B(?=(?:\d{3})+$)/g, '_') : JSON.stringify(value).replaceAll('"', '\'')
}

function members (place: OptionGroup['place']): string {
  const groups = GROUPS.filter(group => group.place === place && group.path !== '' && !group.path.includes('.'))
  return groups.map(({ path, type, orFalse, text }) => `  /** ${text} */\n  ${path}?: ${type}${orFalse === true ? ' | false' : ''} | undefined`).join('\n')
}

function wrapped (text: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line.length + word.length + 6 > WIDTH - 10) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
