import { element, liveText } from './element.js'
import { NewsList } from './news-list.js'
import { COLUMNS, OverviewRow } from './overview-row.js'
import { count, counted, rate } from './units.js'
import { TERMS } from './words.js'

/** @typedef {import('./fleet.js').Fleet} Fleet */
/** @typedef {import('./fleet.js').Trend} Trend */

/** All targets at a glance. */
export class Overview {
  title = 'Connections'
  /** @type {Map<string, OverviewRow>} */
  #rows = new Map()
  /** The visible rows. Only these are updated. @type {Set<Element>} */
  #visible = new Set()
  #generation = -1
  /** The snapshot that the rows show; -1 where they have to be shown again. */
  #shownAt = -1
  #sortedBy = ''
  #filter = ''
  #fleet
  #schedule
  #body = element('tbody', { role: 'rowgroup' })
  #heads = COLUMNS.map(({ key, title, term }) => {
    const button = element('button', { type: 'button', class: 'sort', title: TERMS[term] }, title)
    button.addEventListener('click', () => this.#sort(key))
    return element('th', { scope: 'col', role: 'columnheader', class: key }, button)
  })

  #summary = element('p', { class: 'summary' })
  #summaryText = liveText(this.#summary)
  #empty = element('p', { class: 'empty' })
  #emptyText = liveText(this.#empty)
  #news
  #observer = new IntersectionObserver(entries => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.#visible.add(target)
      else this.#visible.delete(target)
    }
    this.#shownAt = -1
    this.#schedule()
  }, { rootMargin: '100px' })

  /**
   * @param {Fleet} fleet
   * @param {import('./news.js').News} news
   * @param {() => void} schedule asks for a rendering
   */
  constructor (fleet, news, schedule) {
    this.#fleet = fleet
    this.#schedule = schedule
    this.#news = new NewsList(news)
    const search = element('input', { type: 'search', id: 'filter', autocomplete: 'off', spellcheck: 'false' })
    search.addEventListener('input', () => {
      this.#filter = search.value.trim().toLowerCase()
      this.#generation = -1
      schedule()
    })
    const table = element('table', { class: 'overview', role: 'table', 'aria-labelledby': 'targets' },
      element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' }, ...this.#heads)), this.#body)
    this.node = element('div', {},
      element('h1', { tabindex: '-1' }, this.title),
      this.#summary,
      element('section', { 'aria-labelledby': 'targets' },
        element('div', { class: 'section-head' },
          element('h2', { id: 'targets' }, 'Targets'),
          element('div', { class: 'filter' }, element('label', { for: 'filter' }, 'Filter by name '), search)),
        table, this.#empty),
      element('section', { 'aria-labelledby': 'news' }, element('h2', { id: 'news' }, 'Lately'), this.#news.node))
  }

  render () {
    if (this.#fleet.generation !== this.#generation) this.#arrange()
    if (this.#fleet.at !== this.#shownAt) this.#showRows()
    this.#news.render()
  }

  #showRows () {
    this.#shownAt = this.#fleet.at
    let requests = 0
    let opened = 0
    let active = 0
    let idle = 0
    let pending = 0
    let unkept = 0
    let ejected = 0
    for (const [name, trend] of this.#fleet.trends) {
      const { snapshot: { connections, persistence, endpointCounts } } = trend
      requests += trend.requestRate
      opened += trend.openedRate
      active += connections.active
      idle += connections.idle
      pending += connections.pending
      if (persistence !== 'persistent') unkept++
      ejected += endpointCounts.ejected
      const row = this.#rows.get(name)
      if (row !== undefined && this.#visible.has(row.node)) row.show(trend)
    }
    if (this.#fleet.at !== 0) {
      const { size } = this.#fleet.trends
      this.#summaryText(`${counted(size, 'target', 'targets')}, ${unkept} not persistent${ejected === 0 ? '' : `, ${counted(ejected, 'endpoint', 'endpoints')} ejected`} · ${count(active)} active, ${count(idle)} idle, ${count(pending)} pending · ${rate(requests)} requests, ${rate(opened)} opened`)
    }
  }

  /** Draws again in the colours of the new theme. */
  recolour () {
    this.#shownAt = -1
    this.render()
  }

  close () { this.#observer.disconnect() }

  #arrange () {
    const { trends, generation, at } = this.#fleet
    this.#generation = generation
    for (const [name, row] of this.#rows) {
      if (trends.has(name)) continue
      this.#rows.delete(name)
      this.#observer.unobserve(row.node)
      this.#visible.delete(row.node)
    }
    const shown = [...trends.values()].filter(({ snapshot }) => snapshot.name.toLowerCase().includes(this.#filter))
    const by = COLUMNS.find(({ key }) => key === this.#sortedBy)
    if (by !== undefined) shown.sort((a, b) => compare(by.order(a), by.order(b)))
    this.#body.replaceChildren(...shown.map(trend => this.#row(trend).node))
    this.#emptyText(shown.length > 0
      ? ''
      : at === 0
        ? 'Waiting for the first snapshot.'
        : trends.size > 0
          ? 'No target\'s name contains that.'
          : 'No targets yet. One appears when a proxied route is registered, or when getUpstream chooses an origin.')
  }

  /** @param {Trend} trend */
  #row (trend) {
    const { name } = trend.snapshot
    let row = this.#rows.get(name)
    if (row === undefined) {
      this.#rows.set(name, row = new OverviewRow(trend))
      row.show(trend)
      this.#observer.observe(row.node)
    }
    return row
  }

  /**
   * Sorts by the present values of a column. The order then stays, since rows that move by themselves are hard to read.
   *
   * @param {string} key the column; the same key a second time restores the gateway's own order
   */
  #sort (key) {
    const again = this.#sortedBy === key
    this.#sortedBy = again ? '' : key
    COLUMNS.forEach((column, i) => {
      const head = /** @type {HTMLElement} */ (this.#heads[i])
      if (column.key !== this.#sortedBy) head.removeAttribute('aria-sort')
      else head.setAttribute('aria-sort', column.key === 'target' || column.key === 'persistence' ? 'ascending' : 'descending')
    })
    this.#generation = -1
    this.#schedule()
  }
}

/**
 * @param {number | string} a
 * @param {number | string} b
 */
function compare (a, b) {
  return typeof a === 'number' && typeof b === 'number' ? b - a : String(a).localeCompare(String(b), 'en', { numeric: true })
}
