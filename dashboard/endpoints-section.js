import { element, liveText } from './element.js'
import { EndpointGrid } from './endpoint-grid.js'
import { EndpointPanel } from './endpoint-panel.js'
import { EndpointShares } from './endpoint-shares.js'
import { counted, duration } from './units.js'

/** @typedef {import('../src/admin/api-shapes.js').TargetDetail} TargetDetail */

/** @typedef {TargetDetail['target']['endpoints'][number]} EndpointSnapshot */

/** A target's endpoints. A target that is one plain origin has no such section. */
export class EndpointsSection {
  #shares = new EndpointShares()
  #chosen = ''
  /** @type {TargetDetail | undefined} */
  #detail
  #grid = new EndpointGrid(id => this.#choose(id))
  #panel
  #onChoice
  #discovery = element('p', { class: 'small note' })
  #discoveryText = liveText(this.#discovery)
  node

  /**
   * @param {string} name the target's
   * @param {(text: string) => void} say
   * @param {() => void} onChoice called when another endpoint is chosen
   */
  constructor (name, say, onChoice) {
    this.#onChoice = onChoice
    this.#panel = new EndpointPanel(name, say)
    this.node = element('section', { 'aria-labelledby': 'endpoints-title' },
      element('h2', { id: 'endpoints-title' }, 'Endpoints'),
      element('p', { class: 'small note' }, 'A active · I idle · C connecting · T tunnels; then the share of the requests in the last 10 s, and the mean time of an exchange. The bar is full at the most connections that an endpoint has. What is wrong comes first.'),
      this.#discovery, this.#panel.node, this.#grid.node)
    this.node.hidden = true
  }

  /** The endpoint that is chosen; undefined where there is none, or nothing of it is left. @returns {EndpointSnapshot | undefined} */
  get chosen () {
    return this.#detail?.target.endpoints.find(({ id }) => id === this.#chosen)
  }

  /** @param {TargetDetail} detail */
  show (detail) {
    const { at, target: { endpoints, discovery } } = detail
    this.#detail = detail
    this.node.hidden = isPlain(detail)
    if (this.node.hidden) return
    this.#shares.take(at, endpoints)
    this.#discoveryText(discovery === undefined ? '' : discoveryWords(discovery))
    this.#grid.show(endpoints, id => this.#shares.of(id))
    this.#showPanel()
  }

  /** @param {string} id */
  #choose (id) {
    this.#chosen = id
    this.#showPanel()
    this.#onChoice()
  }

  #showPanel () {
    const { endpoints = [] } = this.#detail?.target ?? {}
    const { chosen } = this
    const othersUp = endpoints.filter(({ id, state }) => state === 'up' && id !== this.#chosen).length
    this.#panel.show(chosen, { share: this.#shares.of(this.#chosen), othersUp })
  }
}

/**
 * Whether a target is one plain origin: then all of its figures are those of its endpoint.
 *
 * @param {Pick<TargetDetail, 'target'>} detail
 */
export function isPlain ({ target: { endpoints, discovery } }) {
  return endpoints.length <= 1 && discovery === undefined
}

/** @param {NonNullable<TargetDetail['target']['discovery']>} discovery */
function discoveryWords ({ endpoints, missing, age, failures, fault }) {
  return [
    `Discovery knows ${counted(endpoints, 'endpoint', 'endpoints')}${missing === 0 ? '' : `, of which the last answers lack ${missing}`}`,
    age === undefined ? 'it has not answered yet' : `it answered ${duration(age)} ago`,
    ...failures === 0 ? [] : [counted(failures, 'question was not answered', 'questions were not answered')],
    ...fault === undefined ? [] : [`now: ${fault.message}`]
  ].join('; ')
}
