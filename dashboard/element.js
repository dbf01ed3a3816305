/**
 * Makes an element. Strings become text nodes, never markup: names come from configuration, causes from backends' headers.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element (tag, attributes = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.append(...children)
  return made
}

/**
 * Text that is often the same as before, at the end of an element; only a change touches the document.
 *
 * @param {Element} parent
 * @returns {(text: string) => void}
 */
export function liveText (parent) {
  const node = document.createTextNode('')
  parent.append(node)
  let shown = ''
  return text => {
    if (text === shown) return
    shown = text
    node.data = text
  }
}

/**
 * The same for an attribute; undefined takes it away.
 *
 * @param {Element} parent
 * @param {string} name
 * @returns {(value: string | undefined) => void}
 */
export function liveAttribute (parent, name) {
  /** @type {string | undefined} */
  let shown
  return value => {
    if (value === shown) return
    shown = value
    if (value === undefined) parent.removeAttribute(name)
    else parent.setAttribute(name, value)
  }
}

/**
 * The same for a custom property, which is all that the page ever styles by script.
 *
 * @param {HTMLElement} parent
 * @param {string} name with its two dashes
 * @returns {(value: string) => void}
 */
export function liveProperty (parent, name) {
  let shown = ''
  return value => {
    if (value === shown) return
    shown = value
    parent.style.setProperty(name, value)
  }
}
