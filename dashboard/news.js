const KEPT = 40

/** @typedef {{ at: number, target: string, what: 'persistence' | 'failure' | 'dial-failed' | 'ejected' | 'endpoint', text: string, code: string, times: number }} NewsItem */

/** Events of all targets since this page was opened, the latest first. An event that repeats is one item with a count. */
export class News {
  /** @type {NewsItem[]} */
  items = []
  /** Incremented with each change. */
  version = 0
  since = Date.now()

  /**
   * @param {string} type of an event
   * @param {any} data
   */
  take (type, data) {
    if (type === 'persistence') this.#add({ ...known(data), what: type, code: data.to, text: `${data.from} → ${data.to}: ${data.cause}` })
    if (type === 'failure') this.#add({ ...known(data), what: type, code: data.code, text: `a request failed with ${data.code}` })
    if (type === 'dial-failed') this.#add({ ...known(data), what: type, code: data.code, text: `a dial failed with ${data.code}` })
    if (type === 'endpoint' && isNews(data)) {
      this.#add({ ...known(data), what: data.to === 'ejected' ? 'ejected' : 'endpoint', code: data.to, text: `${data.address}: ${data.from} → ${data.to}: ${data.cause}` })
    }
    if (type === 'endpoint-drained') this.#add({ ...known(data), what: 'endpoint', code: 'drained', text: `${data.address} has drained` })
  }

  /** @param {Omit<NewsItem, 'times'>} item */
  #add (item) {
    this.version++
    const same = this.items.findIndex(({ target, what, text }) => target === item.target && what === item.what && text === item.text)
    const times = same === -1 ? 1 : /** @type {NewsItem} */ (this.items.splice(same, 1)[0]).times + 1
    this.items.unshift({ ...item, times })
    if (this.items.length > KEPT) this.items.pop()
  }
}

/**
 * Endpoints that come, and those that go after they have drained, are no news: a rolling replacement would fill the list with them.
 *
 * @param {{ from: string | null, to: string }} change
 */
function isNews ({ from, to }) {
  return to === 'ejected' || to === 'leaving' || (to === 'up' && from !== 'joining')
}

/** @param {{ at: number, target: string }} data */
function known ({ at, target }) {
  return { at, target }
}
