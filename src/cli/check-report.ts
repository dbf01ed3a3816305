import { styleText } from 'node:util'
import type { Finding } from '../check/findings.js'
import type { CheckedApp, CheckedTarget, Severity } from '../check/rule.js'
import { prefixes } from '../check/target-rules.js'
import { formatMeasured } from '../probe/duration.js'
import type { ProbeReport } from '../probe/probe.js'

const WIDEST = 110
const NARROWEST = 60
const SEVERITY_WIDTH = 'warning'.length
const COLOURS = { error: 'red', warning: 'yellow' } as const
const INDENT = ' '.repeat(2 + SEVERITY_WIDTH + 2)

/** What `--json` prints. It leaves out the settings of targets, which may hold keys. */
export function jsonOf (apps: readonly CheckedApp[], findings: readonly Finding[]): string {
  const targets = apps.flatMap(app => app.targets.map(target => ({
    name: nameOf(app, target, apps),
    origin: target.origin?.origin ?? null,
    routes: target.routes.map(({ prefix }) => prefix || '/'),
    measured: target.measured
  })))
  return `${JSON.stringify({ findings, targets }, null, 2)}\n`
}

/** The report for a terminal: each target with its findings, then the findings about other places, then a summary. */
export function reportOf (apps: readonly CheckedApp[], findings: readonly Finding[], ignored: number): string {
  const lines: string[] = []
  const left = new Set(findings)
  for (const app of apps) {
    for (const target of app.targets) {
      const name = nameOf(app, target, apps)
      const own = findings.filter(finding => finding.target === name)
      for (const finding of own) left.delete(finding)
      lines.push(`${name}${target.routes.length === 0 ? '' : `  (${prefixes(target.routes)})`}`)
      lines.push(...measurements(target))
      if (own.length === 0) lines.push('  ok')
      lines.push(...own.flatMap(paragraph), '')
    }
  }
  for (const place of new Set([...left].map(({ target }) => target))) {
    lines.push(place, ...[...left].filter(({ target }) => target === place).flatMap(paragraph), '')
  }
  return `${[...lines, summary(apps, findings, ignored)].join('\n')}\n`
}

function nameOf (app: CheckedApp, target: CheckedTarget, apps: readonly CheckedApp[]): string {
  return apps.length === 1 ? target.name : `${app.name}: ${target.name}`
}

function paragraph ({ severity, id, found, why, remedy }: Finding): string[] {
  return [
    `  ${coloured(severity, severity.padEnd(SEVERITY_WIDTH))}  ${id}`,
    ...wrapped(found, `${INDENT}found   `),
    ...wrapped(why, `${INDENT}why     `),
    ...wrapped(remedy, `${INDENT}remedy  `)
  ]
}

/** Lines no wider than the terminal. The first one begins with `head`; the others are indented to its width. */
function wrapped (text: string, head: string): string[] {
  // Some terminals report a width of 0.
  const width = Math.max(NARROWEST, Math.min(process.stdout.columns || WIDEST, WIDEST))
  const lines = [head]
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!
    if (line.trim() !== '' && line.length > head.length && line.length + 1 + word.length > width) lines.push(' '.repeat(head.length) + word)
    else lines[lines.length - 1] = line.length === head.length ? line + word : `${line} ${word}`
  }
  return lines
}

function measurements ({ measured }: CheckedTarget): string[] {
  if (measured === undefined || 'unreachable' in measured) return []
  if (!('endpoints' in measured)) return wrapped(measurement(measured), '  measured: ')
  return measured.endpoints.flatMap(one => wrapped('report' in one ? measurement(one.report) : one.unreachable, `  ${one.address}: `))
}

function measurement ({ persistent, idleTimeoutMs, closesBy, requestsPerConnection, hint, connectMs, tlsMs, viaStopsCompression }: ProbeReport): string {
  const coding = viaStopsCompression === true ? ['compresses nothing for requests with Via'] : []
  if (persistent !== true) return [persistent === false ? 'keeps no connections' : 'not known whether it keeps connections', ...coding].join('; ')
  return [
    idleTimeoutMs === null ? 'closed no idle connection' : `closes after ${formatMeasured(idleTimeoutMs)} idle${closesBy === null ? '' : `, by ${closesBy === 'announced' ? 'announcement' : closesBy.toUpperCase()}`}`,
    hint.timeoutMs === null ? 'gives no hint' : `says timeout=${hint.timeoutMs / 1_000}${hint.timeoutMs === 0 ? ', which is less than 1 s' : ''}`,
    requestsPerConnection === null ? 'no limit of requests found' : `${requestsPerConnection} requests a connection`,
    connectMs === null ? undefined : `connects in ${formatMeasured(connectMs + (tlsMs ?? 0))}`,
    ...coding
  ].filter(text => text !== undefined).join('; ')
}

function summary (apps: readonly CheckedApp[], findings: readonly Finding[], ignored: number): string {
  const targets = apps.reduce((sum, app) => sum + app.targets.length, 0)
  const errors = findings.filter(({ severity }) => severity === 'error').length
  const parts = [counted(errors, 'error'), counted(findings.length - errors, 'warning'), ...ignored === 0 ? [] : [`${ignored} ignored`]]
  return `${counted(targets, 'target')}: ${findings.length + ignored === 0 ? 'nothing found' : parts.join(', ')}`
}

function counted (n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`
}

function coloured (severity: Severity, text: string): string {
  const wanted = process.stdout.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb'
  return wanted ? styleText(COLOURS[severity], text) : text
}
