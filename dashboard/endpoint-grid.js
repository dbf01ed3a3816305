import { element, liveText } from './element.js'
import { EndpointCard } from './endpoint-card.js'
import { conditionOf, urgencyOf } from './endpoint-condition.js'
import { count } from './units.js'

/** @typedef {import('../src/index.js').EndpointSnapshot} EndpointSnapshot */

/** How many endpoints are shown at once. More are on further pages. */
const PAGE = 60

const byAddress = new Intl.Collator('en', { numeric: true })

/** A target's endpoints as a grid, what is wrong first. Arrow keys move within it, so that it is one stop of the Tab key. */
export class EndpointGrid {
  #list = element('ul', { class: 'endpoints', 'aria-label': 'Endpoints' })
  #filterInput = element('input', { type: 'search', id: 'endpoint-filter', autocomplete: 'off', spellcheck: 'false' })
  #previous = element('button', { type: 'button' }, 'Previous')
  #next = element('button', { type: 'button' }, 'Next')
  #place = element('span', { role: 'status' })
  #placeText = liveText(this.#place)
  #pager = element('div', { class: 'pager' }, this.#previous, this.#place, this.#next)
  #none = element('p', { class: 'empty' })
  #noneText = liveText(this.#none)
  node = element('div', {},
    element('div', { class: 'grid-head' },
      element('div', { class: 'filter' }, element('label', { for: 'endpoint-filter' }, 'Filter by address or state '), this.#filterInput), this.#pager),
    this.#list, this.#none)

  /** The cards of this page, in their order. @type {EndpointCard[]} */
  #cards = []
  /** @type {EndpointCard[]} */
  #spare = []
  /** @type {readonly EndpointSnapshot[]} */
  #endpoints = []
  /** @type {(id: string) => number | undefined} */
  #shareOf = () => undefined
  /** All that the filter lets through, in their order. @type {string[]} */
  #order = []
  #arranged = ''
  #page = 0
  #chosen = ''
  #onChoice

  /** @param {(id: string) => void} onChoice */
  constructor (onChoice) {
    this.#onChoice = onChoice
    this.#filterInput.addEventListener('input', () => {
      this.#page = 0
      this.#render()
    })
    this.#previous.addEventListener('click', () => this.#turn(-1))
    this.#next.addEventListener('click', () => this.#turn(1))
    this.#list.addEventListener('click', event => {
      const card = this.#cards.find(({ button }) => button.contains(/** @type {Node} */ (event.target)))
      if (card !== undefined) this.#choose(card.id)
    })
    this.#list.addEventListener('keydown', event => this.#move(event))
  }

  /**
   * @param {readonly EndpointSnapshot[]} endpoints
   * @param {(id: string) => number | undefined} shareOf
   */
  show (endpoints, shareOf) {
    this.#endpoints = endpoints
    this.#shareOf = shareOf
    this.#render()
  }

  #render () {
    const endpoints = this.#endpoints
    const byId = new Map(endpoints.map(endpoint => [endpoint.id, endpoint]))
    this.#arrange()
    if (!byId.has(this.#chosen) && this.#chosen === '' && this.#order[0] !== undefined) this.#choose(this.#order[0])
    const sizes = endpoints.map(({ connections: { active, idle, connecting, upgraded } }) => active + idle + connecting + upgraded)
    const most = sizes.reduce((most, size) => Math.max(most, size), 0)
    const pages = Math.max(1, Math.ceil(this.#order.length / PAGE))
    this.#page = Math.min(this.#page, pages - 1)
    const shown = this.#order.slice(this.#page * PAGE, (this.#page + 1) * PAGE)
    this.#fill(shown)
    for (const card of this.#cards) {
      const endpoint = byId.get(card.id)
      if (endpoint !== undefined) card.show(endpoint, { share: this.#shareOf(card.id), most, chosen: card.id === this.#chosen })
    }
    this.#pager.hidden = pages === 1
    const first = this.#page * PAGE
    this.#placeText(pages === 1 ? '' : `${count(first + 1)} to ${count(first + shown.length)} of ${count(this.#order.length)}`)
    this.#previous.setAttribute('aria-disabled', String(this.#page === 0))
    this.#next.setAttribute('aria-disabled', String(this.#page === pages - 1))
    const none = endpoints.length > 0 ? 'No endpoint\'s address or state contains that.' : 'No endpoint is known yet.'
    this.#noneText(shown.length > 0 ? '' : none)
  }

  /** Orders the endpoints. That costs most of a rendering where there are many, so it is done only for a change. */
  #arrange () {
    const filter = this.#filterInput.value.trim().toLowerCase()
    const shown = filter === ''
      ? this.#endpoints
      : this.#endpoints.filter(endpoint => endpoint.address.toLowerCase().includes(filter) || conditionOf(endpoint).includes(filter))
    const keyed = shown.map(endpoint => ({ endpoint, urgency: urgencyOf(endpoint) }))
    const arranged = keyed.map(({ endpoint: { id, priority }, urgency }) => `${id} ${urgency} ${priority}`).join()
    if (arranged === this.#arranged) return
    this.#arranged = arranged
    keyed.sort(({ urgency, endpoint: a }, { urgency: other, endpoint: b }) => {
      return urgency - other || a.priority - b.priority || byAddress.compare(a.address, b.address)
    })
    this.#order = keyed.map(({ endpoint }) => endpoint.id)
  }

  /**
   * Gives each place of the page its endpoint. A card keeps its endpoint as long as that is on the page, so that the focus goes with it.
   *
   * @param {string[]} ids
   */
  #fill (ids) {
    if (ids.length === this.#cards.length && ids.every((id, i) => this.#cards[i]?.id === id)) return
    const focused = this.#cards.find(({ button }) => button === document.activeElement)
    const wanted = new Set(ids)
    const kept = new Map(this.#cards.filter(({ id }) => wanted.has(id)).map(card => [card.id, card]))
    this.#spare.push(...this.#cards.filter(({ id }) => !wanted.has(id)))
    this.#cards = ids.map(id => {
      const card = kept.get(id) ?? this.#spare.pop() ?? new EndpointCard()
      card.id = id
      return card
    })
    this.#list.replaceChildren(...this.#cards.map(({ node }) => node))
    const isShown = focused !== undefined && this.#cards.includes(focused)
    this.#stop(isShown ? focused : this.#cards.find(({ id }) => id === this.#chosen) ?? this.#cards[0])
    if (focused !== undefined) (this.#cards.includes(focused) ? focused : this.#cards[0])?.button.focus()
  }

  /** @param {string} id */
  #choose (id) {
    this.#chosen = id
    this.#onChoice(id)
    for (const card of this.#cards) card.press(card.id === id)
  }

  /** @param {number} pages */
  #turn (pages) {
    const last = Math.max(0, Math.ceil(this.#order.length / PAGE) - 1)
    this.#page = Math.min(last, Math.max(0, this.#page + pages))
    this.#render()
  }

  /** @param {EndpointCard | undefined} card the one where the Tab key stops */
  #stop (card) {
    for (const { button } of this.#cards) button.tabIndex = button === card?.button ? 0 : -1
  }

  /** @param {KeyboardEvent} event */
  #move (event) {
    const at = this.#cards.findIndex(({ button }) => button === document.activeElement)
    if (at === -1) return
    const top = this.#cards[0]?.button.offsetTop
    const columns = this.#cards.filter(({ button }) => button.offsetTop === top).length
    const last = this.#cards.length - 1
    /** @type {Record<string, number>} */
    const places = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + columns, ArrowUp: at - columns, Home: 0, End: last }
    const to = this.#cards[places[event.key] ?? -1]
    if (to === undefined) return
    event.preventDefault()
    this.#stop(to)
    to.button.focus()
  }
}
