const dark = matchMedia('(prefers-color-scheme: dark)')

/** @type {Map<string, string>} */
const known = new Map()
/** Counts changes of the theme: who draws on a canvas compares it. */
let version = 0

dark.addEventListener('change', () => {
  known.clear()
  version++
})

export function themeVersion () { return version }

/**
 * The value of one of style.css's colours now, for a canvas. Looked up once a theme: asking for styles makes them be computed.
 *
 * @param {string} name without its dashes
 * @returns {string}
 */
export function colour (name) {
  let value = known.get(name)
  if (value === undefined) known.set(name, value = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim())
  return value
}

/** @param {() => void} redraw called when the theme has changed */
export function onThemeChange (redraw) {
  dark.addEventListener('change', redraw)
}
