const dark = matchMedia('(prefers-color-scheme: dark)')

/** @type {Map<string, string>} */
const known = new Map()
/** Incremented when the theme changes. Code that draws on a canvas compares it. */
let version = 0

dark.addEventListener('change', () => {
  known.clear()
  version++
})

export function themeVersion () { return version }

/**
 * The present value of a colour of style.css, for a canvas. It is looked up once for each theme, since reading styles makes the browser
 * compute them.
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
