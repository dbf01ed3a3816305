import { ApiError, ask, pathOf } from './api.js'
import { CloseChart } from './close-chart.js'
import { ConnectionBar } from './connection-bar.js'
import { ConnectionCells } from './connection-cells.js'
import { element, liveText } from './element.js'
import { EndpointsSection, isPlain } from './endpoints-section.js'
import { Facts } from './facts.js'
import { IdleHistogram } from './idle-histogram.js'
import { IdleLimitText } from './idle-limit-text.js'
import { PersistenceBadge } from './persistence-badge.js'
import { EndpointRecords, FailureRecords, PersistenceRecords } from './records.js'
import { SettingsList } from './settings-list.js'
import { TargetActions } from './target-actions.js'
import { TrafficChart } from './traffic-chart.js'
import { TERMS } from './words.js'

/** @typedef {import('../src/admin/api-shapes.js').TargetDetail} TargetDetail */

/** One target: its connections, who closed them and why, and the idle times at which its backend closes them. */
export class TargetView {
  title
  #name
  #schedule
  /** @type {TargetDetail | undefined} */
  #detail
  #asking = false
  #dirty = false
  #open = true
  #badge = new PersistenceBadge()
  #bar = new ConnectionBar()
  #limit = new IdleLimitText()
  #facts = new Facts()
  #cells = new ConnectionCells()
  #cellsOf = element('span')
  #cellsOfText = liveText(this.#cellsOf)
  #closes = new CloseChart()
  #histogram = new IdleHistogram()
  #traffic = new TrafficChart()
  #persistence = new PersistenceRecords()
  #failures = new FailureRecords()
  #endpointRecords = new EndpointRecords()
  #endpointSection = section('endpoint-events', 'Changes of endpoints', 'The latest first', this.#endpointRecords.node)
  #settings = new SettingsList()
  #actions
  #endpoints
  #trouble = element('p', { class: 'empty' })
  #troubleText = liveText(this.#trouble)
  #origin = element('p', { class: 'origin' })
  #originText = liveText(this.#origin)

  /**
   * @param {string} name
   * @param {() => void} schedule asks for a rendering
   * @param {(text: string) => void} say
   */
  constructor (name, schedule, say) {
    this.#name = name
    this.title = name
    this.#schedule = schedule
    this.#actions = new TargetActions(name, say)
    this.#endpoints = new EndpointsSection(name, say, () => this.#showAgain())
    this.#endpointSection.hidden = true
    this.node = element('div', { class: 'target' },
      element('nav', { 'aria-label': 'Breadcrumb' }, element('a', { href: '#/' }, '← All targets')),
      element('div', { class: 'target-head' }, element('h1', { tabindex: '-1' }, name), this.#badge.node),
      this.#origin, this.#trouble,
      element('div', { class: 'now' },
        element('div', { class: 'panel' }, this.#bar.node),
        element('div', { class: 'panel', title: TERMS.idleLimit }, element('span', { class: 'panel-label' }, 'Idle limit'), this.#limit.node)),
      this.#facts.node, this.#actions.node, this.#endpoints.node,
      section('connections', ['Connections', this.#cellsOf], 'A active · I idle · S sentinel, open to see when the backend closes it · T on trial. The line below an idle connection fills up to the idle limit.', this.#cells.node),
      element('div', { class: 'columns' },
        section('closes', 'Who closed connections, and why', 'The last 5 minutes, in steps of 5 s', this.#closes.node),
        element('div', {},
          section('hangups', 'Idle times at which the backend closed connections', 'Number of closes by idle time', this.#histogram.node),
          section('traffic', 'Requests and connections opened', 'Each second of the last 5 minutes; the dashed line is connections', this.#traffic.node))),
      element('div', { class: 'columns' },
        section('persistence', 'Persistence', TERMS.persistence, this.#persistence.node),
        section('failures', 'Last failures', 'Requests that ended with an error, and how they travelled', this.#failures.node)),
      this.#endpointSection, this.#settings.node)
  }

  /**
   * @param {string} type of an event
   * @param {any} data
   */
  heard (type, data) {
    if (type === 'snapshot') this.#ask()
    else if (type === 'closed' && data.target === this.#name) this.#cells.closed(data)
  }

  render () {
    const detail = this.#detail
    if (!this.#dirty || detail === undefined) return
    this.#dirty = false
    const { target, history } = detail
    this.#originText(target.origin === target.name ? '' : target.origin)
    this.#badge.show(target.persistence)
    this.#bar.show(target)
    this.#limit.show(target.idleLimit)
    this.#facts.show(target)
    this.#actions.show(target)
    this.#endpoints.show(detail)
    this.#endpointSection.hidden = isPlain(detail)
    if (!this.#endpointSection.hidden) this.#endpointRecords.show(history)
    this.#showCells(detail)
    this.#closes.show(detail)
    this.#histogram.show(detail)
    this.#traffic.show(detail)
    this.#persistence.show(history)
    this.#failures.show(history)
    this.#settings.show(target.limits)
  }

  recolour () {
    this.#dirty = true
    this.render()
  }

  #showAgain () {
    this.#dirty = true
    this.#schedule()
  }

  /**
   * Of a target with several endpoints, the connections of the chosen one: all of them would be too many to read.
   *
   * @param {TargetDetail} detail
   */
  #showCells (detail) {
    const { chosen } = this.#endpoints
    this.#cellsOfText(isPlain(detail) ? '' : ` of ${chosen?.address ?? 'the endpoint that is gone'}`)
    if (isPlain(detail)) return this.#cells.show(detail)
    this.#cells.show({
      target: { ...detail.target, persistence: chosen?.persistence ?? detail.target.persistence },
      connections: detail.connections.filter(({ endpoint }) => endpoint === chosen?.id)
    })
  }

  close () {
    this.#open = false
    this.#closes.close()
    this.#histogram.close()
    this.#traffic.close()
  }

  // Called with each snapshot. One request at a time, and none while the page is hidden.
  async #ask () {
    if (this.#asking || document.hidden) return
    this.#asking = true
    try {
      const response = await ask(pathOf(this.#name))
      this.#detail = await response.json()
      this.#troubleText('')
    } catch (error) {
      this.#troubleText(error instanceof ApiError && error.status === 404
        ? 'There is no such target now. A target that getUpstream chose is removed when it is idle and others need its place. It comes back with its next request.'
        : `These values may be old: ${error instanceof Error ? error.message : String(error)}.`)
    } finally {
      this.#asking = false
    }
    this.#dirty = true
    if (this.#open) this.#schedule()
  }
}

/**
 * @param {string} id
 * @param {string | (string | Node)[]} title
 * @param {string} note
 * @param {HTMLElement} content
 */
function section (id, title, note, content) {
  return element('section', { 'aria-labelledby': `${id}-title` }, element('h2', { id: `${id}-title` }, ...[title].flat()), element('p', { class: 'small note' }, note), content)
}
