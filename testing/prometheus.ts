/** A strict reader of Prometheus' text format, version 0.0.4, and the rules of `promtool check metrics`. */

export interface MetricSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface MetricFamily {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly samples: MetricSample[]
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const VALUE = /^(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|inf)|nan)$/i
const TYPES = ['counter', 'gauge', 'histogram', 'summary', 'untyped']
const SUFFIXES: Record<string, string[]> = { histogram: ['_bucket', '_sum', '_count'], summary: ['', '_sum', '_count'] }
// One label. Its value may contain an escaped backslash, quote or line end, and no other escape.
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"/

/** The served metrics, by family. Throws for the first line that breaks the format. */
export function parseMetrics (text: string): Map<string, MetricFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  const families = new Map<string, MetricFamily>()
  const seen = new Set<string>()
  let help: { name: string, text: string } | undefined
  let current: MetricFamily | undefined
  for (const line of text.slice(0, -1).split('\n')) {
    const fail = (why: string): never => { throw new Error(`${why}: ${line}`) }
    if (line === '') continue
    const [, kind, about = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (kind === 'HELP') {
      if (!NAME.test(about)) fail('no name of a metric')
      if (families.has(about) || help?.name === about) fail('a second HELP')
      if (/\\(?![\\n])/.test(rest)) fail('an escape that is none')
      help = { name: about, text: rest }
      current = undefined
      continue
    }
    if (kind === 'TYPE') {
      if (families.has(about)) fail('a second TYPE')
      if (help?.name !== about) fail('a TYPE without its HELP before it')
      if (!TYPES.includes(rest)) fail('no type')
      current = { name: about, type: rest, help: help!.text, samples: [] }
      families.set(about, current)
      continue
    }
    if (line.startsWith('#')) fail('a comment that is neither HELP nor TYPE')
    if (current === undefined) throw new Error(`a sample outside of its family: ${line}`)
    const sample = sampleOf(line)
    if (!(SUFFIXES[current.type] ?? ['']).some(suffix => sample.name === current!.name + suffix)) fail(`no sample of the ${current.type} ${current.name}`)
    const series = seriesOf(sample)
    if (seen.has(series)) fail('a second sample of one series')
    seen.add(series)
    current.samples.push(sample)
  }
  for (const family of families.values()) checkNumbers(family)
  return families
}

/** What promtool would object to in names and types. */
export function lintMetrics (families: Iterable<MetricFamily>): string[] {
  const problems: string[] = []
  for (const { name, type, help, samples } of families) {
    const labels = new Set(samples.flatMap(sample => Object.keys(sample.labels)))
    if (help.trim() === '') problems.push(`${name} has no help`)
    if ((type === 'counter') !== name.endsWith('_total')) problems.push(`${name} is a ${type}: counters, and they alone, end in _total`)
    if (/_(?:bucket|sum|count)$/.test(name)) problems.push(`${name} ends as a part of a histogram does`)
    if (/_(?:milli|micro|nano|kilo|mega)?(?:ms|us|ns|s|sec|secs|min|mins|minutes|hours|days|milliseconds|microseconds|nanoseconds|kilobytes|megabytes|kb|mb|percent|bits)(?:_|$)/.test(name)) problems.push(`${name} is in no base unit`)
    if (new RegExp(`_${type}(?:_|$)`).test(name)) problems.push(`${name} has its type in its name`)
    if (/[A-Z:]/.test(name) || [...labels].some(label => /[A-Z]/.test(label))) problems.push(`${name} is not in lower case`)
    if (type !== 'histogram' && labels.has('le')) problems.push(`${name} has le, and is no histogram`)
  }
  return problems
}

/** The value of the only series with that name and at least these labels; undefined if there is none. Throws if there are several. */
export function valueOf (families: ReadonlyMap<string, MetricFamily>, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
  const family = families.get(name) ?? families.get(name.replace(/_(?:bucket|sum|count)$/, ''))
  if (family === undefined) throw new Error(`there is no ${name}`)
  const found = family.samples.filter(sample => sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
  if (found.length > 1) throw new Error(`${found.length} series of ${name} have ${JSON.stringify(labels)}`)
  return found[0]?.value
}

/** A sample's name and labels as one text. */
export function seriesOf ({ name, labels }: MetricSample): string {
  return `${name}{${Object.entries(labels).sort(([a], [b]) => a < b ? -1 : 1).map(([label, value]) => `${label}=${JSON.stringify(value)}`).join()}}`
}

function sampleOf (line: string): MetricSample {
  const [, name = '', braces, value = ''] = /^([^\s{]+)(\{.*\})? (\S+)$/.exec(line) ?? []
  if (!NAME.test(name)) throw new Error(`no sample: ${line}`)
  if (!VALUE.test(value)) throw new Error(`no value: ${line}`)
  return { name, labels: braces === undefined ? {} : labelsOf(braces.slice(1, -1), line), value: numberOf(value) }
}

function labelsOf (text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {}
  for (let rest = text; rest !== '';) {
    const [whole = '', name = '', value = ''] = LABEL.exec(rest) ?? []
    if (whole === '') throw new Error(`no label: ${line}`)
    if (Object.hasOwn(labels, name)) throw new Error(`a second label ${name}: ${line}`)
    labels[name] = value.replace(/\\(.)/g, (_escape, escaped: string) => escaped === 'n' ? '\n' : escaped)
    rest = rest.slice(whole.length)
    if (rest === '') break
    if (!rest.startsWith(',')) throw new Error(`no comma between labels: ${line}`)
    rest = rest.slice(1)
  }
  return labels
}

function numberOf (text: string): number {
  const [, sign, infinite] = /^([+-]?)(inf)$/i.exec(text) ?? []
  return infinite === undefined ? Number(text.replace(/^nan$/i, 'NaN')) : sign === '-' ? -Infinity : Infinity
}

function checkNumbers ({ name, type, samples }: MetricFamily): void {
  if (type === 'counter') {
    for (const sample of samples) if (!(sample.value >= 0 && sample.value < Infinity)) throw new Error(`${seriesOf(sample)} counts ${sample.value}`)
  }
  if (type !== 'histogram') return
  const parts = new Map<string, { buckets: [le: number, count: number][], sum?: number, count?: number }>()
  for (const sample of samples) {
    const { le, ...labels } = sample.labels
    const key = seriesOf({ ...sample, name, labels })
    const part = parts.get(key) ?? { buckets: [] }
    parts.set(key, part)
    if (sample.name.endsWith('_bucket')) {
      if (le === undefined || !VALUE.test(le)) throw new Error(`a bucket of ${key} with le=${le}`)
      part.buckets.push([numberOf(le), sample.value])
    } else if (le !== undefined) throw new Error(`${sample.name} has le`)
    else if (sample.name.endsWith('_sum')) part.sum = sample.value
    else part.count = sample.value
  }
  for (const [key, { buckets, sum, count }] of parts) {
    for (const [i, [le, value]] of buckets.entries()) {
      const before = buckets[i - 1] ?? [-Infinity, 0]
      if (!(le > before[0] && value >= before[1])) throw new Error(`buckets of ${key} are out of order or not cumulative at ${le}`)
    }
    const last = buckets.at(-1)
    if (last?.[0] !== Infinity || last[1] !== count) throw new Error(`the bucket +Inf of ${key} is not its count`)
    if (sum === undefined) throw new Error(`${key} has no sum`)
  }
}
