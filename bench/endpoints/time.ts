/** The time in ms since 1970, with fractions; the processes of a measurement agree on it. */
export function epochMs (): number {
  return performance.timeOrigin + performance.now()
}
