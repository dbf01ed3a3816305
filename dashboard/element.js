/**
 * Makes an element. Strings become text nodes, never markup: target names come from configuration, and causes come from backends' headers.
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
 * Appends a text node to an element, and returns a function that sets its text. The document is written only when the text changes.
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
 * Returns a function that sets an attribute when it changes. Undefined removes the attribute.
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
 * Returns a function that sets a custom property when it changes. Scripts of this page set no other styles.
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
