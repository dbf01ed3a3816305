const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** Reads `500ms`, `65s`, `2m`, `1.5h`; a number alone is seconds. In ms, or undefined where it is none of these. */
export function parseDuration (text: string): number | undefined {
  const [, number, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? []
  return number === undefined ? undefined : Math.round(Number(number) * UNITS[unit]!)
}

/** A configured time in ms, as a person reads it: `300 ms`, `1.5 s`, `65 s`. It is exact. */
export function formatSet (ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`
}

/** A `Keep-Alive: timeout=` in ms, as a person reads it. The header has whole seconds: 0 stands for less than 1 s. */
export function formatHint (ms: number): string {
  return ms === 0 ? 'less than 1 s' : formatSet(ms)
}

/** A measured time in ms, rounded: `0.3 ms`, `300 ms`, `2.00 s`. */
export function formatMeasured (ms: number): string {
  return ms < 999.5 ? `${ms.toFixed(ms < 9.95 ? 1 : 0)} ms` : `${(ms / 1_000).toFixed(2)} s`
}
