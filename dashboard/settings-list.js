import { element } from './element.js'

/** A target's effective options by name. The list is made anew when they change. */
export class SettingsList {
  #list = element('dl', { class: 'settings' })
  node = element('details', {}, element('summary', {}, 'Settings in effect'), this.#list)
  #shown = ''

  /** @param {object} limits */
  show (limits) {
    const shown = JSON.stringify(limits)
    if (shown === this.#shown) return
    this.#shown = shown
    this.#list.replaceChildren(...[...lines('', limits)].map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value))))
  }
}

/**
 * @param {string} path
 * @param {object} group
 * @returns {Generator<[string, string]>}
 */
function * lines (path, group) {
  for (const [name, value] of Object.entries(group)) {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) yield * lines(`${path}${name}.`, value)
    // JSON has null in place of Infinity: no limit.
    else yield [path + name, value === null ? 'no limit' : Array.isArray(value) ? value.join(', ') : String(value)]
  }
}
