import { element } from './element.js'
import { clock } from './units.js'

/** @typedef {import('./news.js').News} News */

const SIGNS = { persistence: '◐', failure: '!', 'dial-failed': '!', ejected: '✕', endpoint: '◌' }

/** The news as a list. It is made anew when there is news. */
export class NewsList {
  node = element('div')
  #news
  #version = -1

  /** @param {News} news */
  constructor (news) {
    this.#news = news
  }

  render () {
    const { items, version, since } = this.#news
    if (version === this.#version) return
    this.#version = version
    this.node.replaceChildren(items.length === 0
      ? element('p', { class: 'empty' }, `Nothing since ${clock(since)}, when this page was opened. Changes of persistence, endpoints that leave or are ejected, and failures of any target appear here.`)
      : element('ol', { class: 'records' }, ...items.map(({ at, target, what, text, times }) => element('li', { 'data-what': what },
        element('time', { datetime: new Date(at).toISOString() }, clock(at)),
        element('span', { class: 'record-sign', 'aria-hidden': 'true' }, SIGNS[what]),
        element('span', { class: 'record-text' },
          element('a', { href: `#/target/${encodeURIComponent(target)}` }, target), ` ${text}`,
          ...(times > 1 ? [element('b', {}, ` ×${times}`)] : []))))))
  }
}
