import { ask, pathOf } from './api.js'
import { confirmed } from './confirm-dialog.js'
import { element } from './element.js'
import { counted } from './units.js'

/** @typedef {import('../src/index.js').TargetSnapshot} TargetSnapshot */

/** The actions on a target. Each asks for confirmation, and reports its result. */
export class TargetActions {
  #trial = element('button', { type: 'button', 'aria-describedby': 'trial-note' }, 'Start a trial…')
  #note = element('span', { id: 'trial-note', class: 'small' })
  #evict = element('button', { type: 'button' }, 'Evict idle connections…')
  node = element('div', { class: 'actions' }, this.#evict, this.#trial, this.#note)
  #name
  #say
  #possible = false

  /**
   * @param {string} name
   * @param {(text: string) => void} say
   */
  constructor (name, say) {
    this.#name = name
    this.#say = say
    this.#evict.addEventListener('click', () => { this.#askEvict() })
    this.#trial.addEventListener('click', () => { this.#askTrial() })
    this.show(undefined)
  }

  /** @param {TargetSnapshot | undefined} snapshot */
  show (snapshot) {
    this.#possible = snapshot?.persistence === 'non-persistent'
    // The button stays in place and reachable by keyboard, and a note says why it is disabled. A button that disappears would lose the
    // focus.
    this.#trial.setAttribute('aria-disabled', String(!this.#possible))
    const note = this.#possible ? '' : 'A trial needs a non-persistent backend.'
    if (this.#note.textContent !== note) this.#note.textContent = note
  }

  async #askEvict () {
    const yes = await confirmed({
      title: 'Evict idle connections?',
      text: `All idle connections to ${this.#name} are closed. Requests that run are not disturbed; the next ones open new connections.`,
      action: 'Evict'
    })
    if (yes) await this.#post('evict', ({ evicted }) => `${counted(evicted, 'idle connection was', 'idle connections were')} evicted.`)
  }

  async #askTrial () {
    if (!this.#possible) return this.#say('A trial needs a non-persistent backend.')
    const yes = await confirmed({
      title: 'Start a trial?',
      text: `The next request to ${this.#name} that can be sent again asks the backend to keep its connection. If it is kept, the target is persistent again.`,
      action: 'Start a trial'
    })
    if (yes) await this.#post('trial', ({ persistence }) => `The target is now ${persistence}.`)
  }

  /**
   * @param {string} action
   * @param {(answer: any) => string} words
   */
  async #post (action, words) {
    try {
      const response = await ask(`${pathOf(this.#name)}/${action}`, { method: 'POST' })
      this.#say(words(await response.json()))
    } catch (error) {
      this.#say(`Not done: ${error instanceof Error ? error.message : String(error)}.`)
    }
  }
}
