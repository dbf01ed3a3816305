import { element, liveAttribute, liveProperty, liveText } from './element.js'
import { count, counted, duration } from './units.js'

/** @typedef {import('../src/admin/api-shapes.js').TargetDetail} TargetDetail */
/** @typedef {TargetDetail['connections'][number]} ConnectionSnapshot */

// The most cells that are shown. More are not readable.
const MOST = 400
// How long a closed connection stays visible with its reason, in ms.
const FAREWELL = 3_000

const LETTERS = { active: 'A', idle: 'I', sentinel: 'S' }

class Cell {
  node = element('li', { class: 'connection' })
  #state = liveAttribute(this.node, 'data-state')
  #letter = liveText(this.node.appendChild(element('span', { class: 'letter', 'aria-hidden': 'true' })))
  #id = liveText(this.node.appendChild(element('span', { class: 'id' })))
  #what = liveText(this.node.appendChild(element('span', { class: 'what' })))
  #served = liveText(this.node.appendChild(element('span', { class: 'served' })))
  #age = liveText(this.node.appendChild(element('span', { class: 'age' })))
  #share = liveProperty(this.node, '--share')
  /** @type {number | undefined} performance.now() */
  closedAt

  /**
   * @param {ConnectionSnapshot} connection
   * @param {number} limit the idle limit in effect, ms
   */
  show ({ id, state, age, served, idleMs, trial }, limit) {
    this.#state(state)
    this.#letter(trial ? 'T' : LETTERS[state])
    this.#id(`#${id}`)
    this.#what(`${trial ? 'trial, ' : ''}${state === 'active' ? 'active' : state === 'idle' ? `idle ${duration(idleMs)}` : `sentinel ${duration(idleMs)}`}`)
    this.#served(`${count(served)} req`)
    this.#age(`age ${duration(age)}`)
    this.#share(state === 'active' ? '0' : Math.min(1, idleMs / limit).toFixed(2))
  }

  /** @param {string} reason */
  closed (reason) {
    this.closedAt = performance.now()
    this.#state('closed')
    this.#letter('×')
    this.#what(reason)
    this.#share('0')
  }
}

/** A cell for each connection of a target. Cells are reused. */
export class ConnectionCells {
  #list = element('ul', { class: 'cells', 'aria-label': 'Connections' })
  #note = element('p', { class: 'empty' })
  #noteText = liveText(this.#note)
  /** @type {Map<number, Cell>} */
  #cells = new Map()
  /** @type {Cell[]} */
  #spare = []
  #order = ''

  node = element('div', {}, this.#list, this.#note)

  /** @param {Pick<TargetDetail, 'connections' | 'target'>} detail */
  show ({ connections, target }) {
    const limit = target.idleLimit.effective ?? Infinity
    const shown = connections.length > MOST ? connections.slice(0, MOST) : connections
    const present = new Set(shown.map(({ id }) => id))
    for (const [id, cell] of this.#cells) {
      if (present.has(id) || (cell.closedAt !== undefined && performance.now() - cell.closedAt < FAREWELL)) continue
      this.#cells.delete(id)
      cell.closedAt = undefined
      this.#spare.push(cell)
    }
    for (const connection of shown) {
      let cell = this.#cells.get(connection.id)
      if (cell === undefined) this.#cells.set(connection.id, cell = this.#spare.pop() ?? new Cell())
      // The event of the close is newer than this snapshot.
      if (cell.closedAt === undefined) cell.show(connection, limit)
    }
    this.#arrange()
    this.#noteText(connections.length > MOST
      ? `${counted(connections.length - MOST, 'more is', 'more are')} not shown.`
      : this.#cells.size === 0
        ? target.persistence === 'persistent' ? 'No connection is open, since none was needed lately. The next request opens one.' : 'No connection is open. The backend does not keep connections, so they exist only while requests run.'
        : '')
  }

  /** @param {{ connection: number, reason: string }} event */
  closed ({ connection, reason }) {
    this.#cells.get(connection)?.closed(reason)
  }

  #arrange () {
    const ids = [...this.#cells.keys()].sort((a, b) => a - b)
    const order = ids.join()
    if (order === this.#order) return
    this.#order = order
    let next = this.#list.firstChild
    for (const id of ids) {
      const { node } = /** @type {Cell} */ (this.#cells.get(id))
      if (node === next) next = next.nextSibling
      else this.#list.insertBefore(node, next)
    }
    while (next !== null) {
      const after = next.nextSibling
      next.remove()
      next = after
    }
  }
}
