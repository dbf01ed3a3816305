import { ask, pathOf } from './api.js'
import { confirmed } from './confirm-dialog.js'
import { element, liveAttribute, liveText } from './element.js'
import { CONDITIONS, conditionOf } from './endpoint-condition.js'
import { NONE, count, duration, moment, percent } from './units.js'
import { PERSISTENCE } from './words.js'

/** @typedef {import('../src/index.js').EndpointSnapshot} EndpointSnapshot */
/** @typedef {{ share: number | undefined, othersUp: number }} Beside */

/** The facts about an endpoint. @type {ReadonlyArray<{ name: string, text: (endpoint: EndpointSnapshot, beside: Beside) => string }>} */
const FACTS = [
  { name: 'State', text: endpoint => `${conditionOf(endpoint)} since ${moment(endpoint.since)}` },
  { name: 'Why', text: ({ cause }) => cause },
  { name: 'Connections', text: ({ connections: { active, idle, connecting, upgraded } }) => `${count(active)} active, ${count(idle)} idle, ${count(connecting)} connecting, ${count(upgraded)} tunnels` },
  { name: 'Share of requests, 10 s', text: (_endpoint, { share }) => share === undefined ? NONE : percent(share) },
  { name: 'Mean exchange', text: ({ exchangeMs }) => exchangeMs === 0 ? NONE : duration(exchangeMs) },
  { name: 'Requests', text: ({ requests }) => count(requests) },
  { name: 'Failures', text: ({ failures }) => count(failures) },
  { name: 'Persistence', text: ({ persistence }) => `${PERSISTENCE[persistence].sign} ${persistence}` },
  { name: 'Weight', text: ({ weight, priority }) => `${Number(weight.toFixed(3))}${priority === 0 ? '' : `, priority ${priority}`}` },
  { name: 'Zone', text: ({ zone }) => zone ?? NONE },
  { name: 'Id', text: ({ id }) => id }
]

/** What can be done with an endpoint. Each action asks for confirmation, and reports its result. */
const ACTIONS = [
  {
    action: 'drain',
    verb: 'Drain',
    possible: /** @param {EndpointSnapshot} endpoint */ ({ state }) => state !== 'leaving' && state !== 'gone',
    not: 'It is leaving already.',
    text: 'It gets no new requests but those that are bound to it. What it has goes on until it ends.',
    takesOut: true
  },
  {
    action: 'undrain',
    verb: 'Undrain',
    possible: /** @param {EndpointSnapshot} endpoint */ ({ state }) => state === 'leaving',
    not: 'It is not leaving.',
    text: 'It gets requests again, unless discovery has removed it.',
    takesOut: false
  },
  {
    action: 'eject',
    verb: 'Eject',
    possible: /** @param {EndpointSnapshot} endpoint */ ({ state }) => state !== 'ejected' && state !== 'gone',
    not: 'It is ejected already.',
    text: 'It gets no requests for a minute, or until it is restored. Requests that run on it are not disturbed.',
    takesOut: true
  },
  {
    action: 'restore',
    verb: 'Restore',
    possible: /** @param {EndpointSnapshot} endpoint */ ({ state }) => state === 'ejected',
    not: 'It is not ejected.',
    text: 'Its ejection ends, and it gets requests again.',
    takesOut: false
  }
]

/** The endpoint that is chosen in the grid: all that is known of it, and what can be done with it. */
export class EndpointPanel {
  #title = element('h3', { id: 'endpoint-title' })
  #titleText = liveText(this.#title)
  #badge = element('span', { class: 'badge' })
  #sign = liveText(this.#badge.appendChild(element('span', { class: 'sign', 'aria-hidden': 'true' })))
  #badgeText = liveText(this.#badge)
  #condition = liveAttribute(this.#badge, 'data-condition')
  #meaning = liveAttribute(this.#badge, 'title')
  #facts = element('dl', { class: 'facts' })
  #lines = FACTS.map(({ name, text }) => {
    const value = element('dd')
    this.#facts.append(element('div', {}, element('dt', {}, name), value))
    return { show: liveText(value), text }
  })

  #buttons = ACTIONS.map(row => {
    const button = element('button', { type: 'button', 'aria-describedby': 'endpoint-title' }, `${row.verb}…`)
    button.addEventListener('click', () => { this.#act(row) })
    return { row, disabled: liveAttribute(button, 'aria-disabled'), button }
  })

  node = element('div', { class: 'endpoint-panel', role: 'group', 'aria-labelledby': 'endpoint-title' },
    element('div', { class: 'target-head' }, this.#title, this.#badge), this.#facts,
    element('div', { class: 'actions' }, ...this.#buttons.map(({ button }) => button)))

  #name
  #say
  /** @type {EndpointSnapshot | undefined} */
  #endpoint
  #othersUp = 0

  /**
   * @param {string} name the target's
   * @param {(text: string) => void} say
   */
  constructor (name, say) {
    this.#name = name
    this.#say = say
  }

  /**
   * @param {EndpointSnapshot | undefined} endpoint undefined where nothing is left of the one that was shown
   * @param {Beside} beside `othersUp`: how many other endpoints are up
   */
  show (endpoint, beside) {
    const shown = endpoint ?? (this.#endpoint === undefined ? undefined : gone(this.#endpoint))
    this.node.hidden = shown === undefined
    if (shown === undefined) return
    this.#endpoint = shown
    this.#othersUp = beside.othersUp
    const condition = conditionOf(shown)
    this.#titleText(shown.address)
    this.#sign(CONDITIONS[condition].sign)
    this.#badgeText(condition)
    this.#condition(condition)
    this.#meaning(CONDITIONS[condition].meaning)
    for (const { show, text } of this.#lines) show(text(shown, beside))
    for (const { row, disabled } of this.#buttons) disabled(String(!row.possible(shown)))
  }

  /** @param {typeof ACTIONS[number]} row */
  async #act ({ action, verb, possible, not, text, takesOut }) {
    const endpoint = this.#endpoint
    if (endpoint === undefined) return
    const { address, id } = endpoint
    if (!possible(endpoint)) return this.#say(endpoint.state === 'gone' ? `${address} is gone.` : not)
    const alone = takesOut && this.#othersUp === 0 ? ` No other endpoint of ${this.#name} is up.` : ''
    if (!await confirmed({ title: `${verb} ${address}?`, text: text + alone, action: verb })) return
    try {
      const response = await ask(`${pathOf(this.#name)}/endpoints/${encodeURIComponent(id)}/${action}`, { method: 'POST' })
      const { endpoint: after } = await response.json()
      this.#say(`${address} is ${after === null ? 'gone' : conditionOf(after)} now.`)
    } catch (error) {
      this.#say(`Not done: ${error instanceof Error ? error.message : String(error)}.`)
    }
  }
}

/**
 * What is left to show of an endpoint that the target no longer has.
 *
 * @param {EndpointSnapshot} last
 * @returns {EndpointSnapshot}
 */
function gone (last) {
  if (last.state === 'gone') return last
  const connections = { active: 0, idle: 0, connecting: 0, upgraded: 0 }
  return { ...last, state: 'gone', refusing: false, since: Date.now(), cause: 'Nothing of it is left.', connections }
}
