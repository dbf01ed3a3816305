import { defaultOf, zeroOf } from './options-as-typescript.js'
import { GROUPS, TABLE, membersOf, nameOf } from '../src/options/table.js'
import type { OptionGroup, OptionRow } from '../src/options/table.js'

const HEAD = `# Options

Made from the table of options (\`src/options/table.ts\`) by \`npm run made\`. The same table checks what you give: an unknown name or an
impossible value is refused when the plugin is registered, by an error that names the route, the option, the value and the remedy.

- Options for *gateway and route* are given to \`gateway\` as the defaults of all routes, and to \`proxy\` for one route, whose values go
  first, one level deep.
- \`undefined\` means not given. Times are in ms, sizes in bytes.
- *0* says what 0 means, where it is not a quantity like any other. "No limit" is 0 where this column says
  so, and \`Infinity\` where the text of the option says so.
- *while running*: \`code\` can be changed by \`target.update()\`, \`API\` by that and by the [admin API](admin.md). *connections anew*: idle
  connections are closed then, and active ones after their exchange.
- \`holdfast.schema.json\`, in the package, has the options as a JSON Schema: \`#/$defs/gateway\` and \`#/$defs/proxy\`. There, \`null\` is
  written for \`Infinity\`, by the options that take it.
`

const PLACES: Record<OptionRow['place'], string> = { 'gateway and route': 'gateway and route', gateway: 'gateway', route: 'route (`proxy`)' }

/** docs/options.md. */
export function optionsAsMarkdown (): string {
  return `${HEAD}${GROUPS.map(sectionOf).join('')}${httpProxySection()}`
}

/** The short table of the README, with the most used options. */
export function commonOptionsAsMarkdown (): string {
  const rows = TABLE.filter(({ common }) => common === true)
  return `| option | default | what it does |\n|---|---|---|\n${rows.map(row => `| \`${row.path}\` | ${defaultCell(row)} | ${row.text} |\n`).join('')}`
}

function sectionOf (group: OptionGroup): string {
  const rows = membersOf(group).filter(({ path, httpProxy }) => httpProxy === undefined || path === 'upstream')
  const title = group.path === '' ? (group.ofTarget === true ? 'Endpoints' : TITLES[group.place]) : `\`${group.path}\``
  const text = `${group.text} Given to: ${PLACES[group.place]}.${group.orFalse === true ? ' `false` switches it off.' : ''}`
  return `\n## ${title}\n\n${text}\n\n| option | default | 0 | while running | elsewhere | what it does |\n|---|---|---|---|---|---|\n${rows.map(lineOf).join('')}`
}

const TITLES: Record<OptionRow['place'], string> = { 'gateway and route': 'Routes', gateway: 'The whole gateway', route: 'Where a route leads' }

function lineOf (row: OptionRow): string {
  const { path, kind, live, reconnects, more } = row
  const unit = kind.unit === undefined || row.required === true ? '' : ` ${kind.unit}`
  const changed = live === undefined ? '' : `${live === 'admin' ? 'API' : 'code'}${reconnects === true ? ', connections anew' : ''}`
  const fallback = /^[\d ]+$/.test(defaultCell(row)) ? `${defaultCell(row)}${unit}` : defaultCell(row)
  return `| \`${nameOf(path)}\` | ${fallback} | ${zeroOf(row) ?? ''} | ${changed} | ${elsewhereOf(row)} | ${[row.text, more].filter(Boolean).join(' ')} |\n`
}

function defaultCell (row: OptionRow): string {
  if (row.required === true) return 'must be given'
  return typeof row.default === 'number' && Number.isFinite(row.default) ? row.default.toLocaleString('en').replaceAll(',', ' ') : defaultOf(row)
}

function elsewhereOf ({ elsewhere = {}, variable }: OptionRow): string {
  const systems = Object.entries(elsewhere).filter(([system]) => system !== 'also')
  const names = systems.map(([system, names]) => `${system}: ${[names].flat().map(name => `\`${name}\``).join(', ')}`)
  return [...variable === undefined ? [] : [`variable: \`${variable}\``], ...names].join('; ')
}

function httpProxySection (): string {
  const taken = TABLE.filter(({ path, httpProxy }) => httpProxy === 'taken' && path !== 'upstream')
  const ignored = TABLE.filter(({ httpProxy }) => httpProxy === 'ignored')
  return '\n## Options of `@fastify/http-proxy`\n\n`proxy` takes these with their meaning there; [migrating.md](migrating.md) has what is different.\n\n| option | what it does |\n|---|---|\n' +
    taken.map(({ path, text }) => `| \`${path}\` | ${text} |\n`).join('') +
    `\nThese have no effect, and a warning says so:\n\n| option | why |\n|---|---|\n${ignored.map(({ path, text }) => `| \`${path}\` | ${text} |\n`).join('')}`
}
