const NARROW_SPACE = '\u202f'
export const NONE = '–'

const wholeFormat = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })
const clockFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })

/**
 * @param {number} n
 * @returns {string} whole, in groups of three
 */
export function count (n) {
  return wholeFormat.format(n).replaceAll(',', NARROW_SPACE)
}

/**
 * @param {number} n
 * @param {string} one
 * @param {string} many
 */
export function counted (n, one, many) {
  return `${count(n)} ${n === 1 ? one : many}`
}

/**
 * @param {number | null | undefined} ms null is what JSON makes of Infinity
 * @returns {string} with its unit; from one minute on, with two units
 */
export function duration (ms) {
  if (ms === undefined) return NONE
  if (ms === null || ms === Infinity) return 'no limit'
  if (ms === 0) return '0 ms'
  if (ms < 9.95) return `${ms.toFixed(1)} ms`
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return pair(Math.floor(seconds / 60), 'min', seconds % 60, 's')
  const minutes = Math.floor(seconds / 60)
  if (minutes < 1440) return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'min')
  return pair(Math.floor(minutes / 1440), 'd', Math.floor(minutes / 60) % 24, 'h')
}

/**
 * @param {number} a
 * @param {string} unit
 * @param {number} b
 * @param {string} smaller
 */
function pair (a, unit, b, smaller) {
  return b === 0 ? `${a} ${unit}` : `${a} ${unit} ${b} ${smaller}`
}

/** @param {number} n per second */
export function rate (n) {
  return `${n < 9.95 && n % 1 !== 0 ? n.toFixed(1) : count(n)}/s`
}

/** @param {number} ratio rounded down, since 100 % must mean that no request needed a new connection */
export function percent (ratio) {
  return `${(Math.floor(ratio * 1000) / 10).toFixed(1)} %`
}

/** @param {number} at epoch ms */
export function clock (at) {
  return clockFormat.format(at)
}

/** @param {number} at epoch ms. With its day where that is not today */
export function moment (at) {
  return new Date(at).toDateString() === new Date().toDateString() ? clock(at) : `${dayFormat.format(at)} ${clock(at)}`
}
